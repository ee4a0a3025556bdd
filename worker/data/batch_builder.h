#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "worker/data/batch.h"
#include "worker/data/unique_keys.h"

namespace paramd {

// Fills a Batch row by row:
//   builder.Begin(shape, &batch);
//   builder.AddFeature(7, 1.0f); builder.AddFeature(9, 0.5f); builder.FinishRow(label);
//   builder.Finish();
// Keeps scratch memory from batch to batch; not thread-safe. Borrows the batch until Finish.
class BatchBuilder {
 public:
  void Begin(const DatasetShape& shape, Batch* batch);

  // A feature of the current row of a sparse batch.
  void AddFeature(uint64_t key, float value) {
    keys_.push_back(key);
    batch_->values.push_back(value);
  }
  // The next feature of the current row of a dense batch.
  void AddValue(float value) { batch_->values.push_back(value); }

  // Keys of the current row so far.
  absl::Span<const uint64_t> row_keys() const {
    return absl::MakeConstSpan(keys_).subspan(row_begin_);
  }

  void FinishRow(float label);
  // Forgets what was added since the last FinishRow.
  void AbandonRow();

  size_t rows() const { return batch_->rows(); }
  // Feature values of all rows.
  size_t size() const { return batch_->values.size(); }

  // Makes the keys unique; the batch is whole after it.
  void Finish();

 private:
  Batch* batch_ = nullptr;
  std::vector<uint64_t> keys_;
  size_t row_begin_ = 0;  // size() at the last FinishRow
  KeyUniquer uniquer_;
};

}  // namespace paramd
