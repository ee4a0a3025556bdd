#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "paramd/v1/config.pb.h"
#include "paramd/v1/coordinator.pb.h"

namespace paramd {

// One table of a saved model, whole.
struct ModelTable {
  // 1 to 64 letters, digits, '_', '-' and '.', without ".keys", ".values" or ".scales" at the end;
  // not "scales".
  std::string name;
  bool sparse = false;
  uint32_t dim = 0;            // float32 values in a row, at least 1
  std::vector<uint64_t> keys;  // sparse: [rows], strictly ascending; dense: empty
  std::vector<float> values;   // [rows][dim]

  uint64_t rows() const { return dim == 0 ? 0 : values.size() / dim; }

  friend bool operator==(const ModelTable&, const ModelTable&) = default;
};

// A trained model with what it takes to use it. In a file it is safetensors; common/model_file/
// FORMAT.md says it byte by byte.
struct ModelFile {
  v1::Model model;
  // How data files for the model are read: format, its settings and on_bad_record. Nothing else is
  // kept.
  v1::Data data;
  // Shape of the data: sparse, or dense with so many feature columns.
  bool sparse = true;
  int64_t columns = 0;
  // Sparse data: number of fields; 0: none.
  uint32_t fields = 0;
  // What is done to values before the model sees them: one for each column of dense data, one for
  // each field of sparse data; empty: nothing.
  std::vector<v1::ColumnScale> scales;
  std::vector<ModelTable> tables;
};

// Name of the tensor that holds the scales; no table has it.
inline constexpr char kScalesTensor[] = "scales";

// The scales as they are written: [columns][3], offset, factor and missing of each column.
std::vector<float> FlatScales(const ModelFile& model);

// How values are written. They are read as float32.
enum class ValueEncoding { kF32, kBf16, kInt8 };

// Writes `model` so that after a crash at any point either the old or the new file is there whole.
// INVALID_ARGUMENT: names, keys or lengths that are not as above; otherwise the errors of
// common/base/file.h.
absl::Status WriteModelFile(const std::string& path, const ModelFile& model,
                            ValueEncoding encoding = ValueEncoding::kF32);

// Tables come in the order of their names. Errors name the file. INVALID_ARGUMENT: safetensors, but
// no paramd model, or one of a version that is not known; DATA_LOSS: anything else that is not as
// WriteModelFile writes it; errors of reading.
absl::StatusOr<ModelFile> ReadModelFile(const std::string& path);

}  // namespace paramd
