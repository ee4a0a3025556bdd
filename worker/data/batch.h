#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "paramd/v1/coordinator.pb.h"

namespace paramd {

// What every batch of a data set looks like.
struct DatasetShape {
  // Sparse batches, otherwise dense ones.
  bool sparse = true;
  // Dense: features in a row, without the label. Sparse: 0.
  int64_t columns = 0;
  // CSV: names of the feature columns, when the files have a header; otherwise empty.
  std::vector<std::string> feature_names;
  // Sparse: every feature belongs to one of so many fields; 0: the data have no fields.
  uint32_t fields = 0;
  // CSV, sparse: of each field, whether it holds categories; otherwise empty.
  std::vector<bool> categorical;
  // Dense: of each column. Sparse: of each field. What batches are read with; empty: values stay as
  // they are in the files.
  std::vector<v1::ColumnScale> scales;
};

// Columns that features come from, where there are any: dense columns, or fields.
inline size_t FeatureColumns(const DatasetShape& shape) {
  return shape.sparse ? size_t{shape.fields} : static_cast<size_t>(shape.columns);
}

// Examples of one step. Either sparse, in compressed sparse row (CSR) form:
//   row_offsets  [rows + 1]  features of row i are entries [row_offsets[i], row_offsets[i + 1])
//   columns      [entries]   index of the feature's key in unique_keys
//   values       [entries]   value of the feature
//   unique_keys  [keys]      strictly ascending
//   fields       [entries]   field of the feature, below DatasetShape::fields; empty without fields
// or dense:
//   values       [rows][dense_cols], row-major; row_offsets, columns and unique_keys are empty.
// A plain value without locks; batches are reused, Clear() keeps the memory.
struct Batch {
  std::vector<float> labels;   // [rows]
  std::vector<float> weights;  // [rows]; empty: every example counts once
  std::vector<uint32_t> row_offsets;
  std::vector<uint32_t> columns;
  std::vector<float> values;
  std::vector<uint64_t> unique_keys;
  std::vector<uint32_t> fields;
  // What a model adds before its rows are pulled (Model::Prepare).
  std::vector<uint64_t> drawn_keys;
  std::vector<uint32_t> drawn;
  bool sparse = true;
  int64_t dense_cols = 0;
  // Work lease that the examples were read under; set by whoever reads them.
  uint64_t source_lease = 0;

  size_t rows() const { return labels.size(); }

  void Clear() {
    labels.clear();
    weights.clear();
    row_offsets.clear();
    columns.clear();
    values.clear();
    unique_keys.clear();
    fields.clear();
    drawn_keys.clear();
    drawn.clear();
    source_lease = 0;
  }
};

}  // namespace paramd
