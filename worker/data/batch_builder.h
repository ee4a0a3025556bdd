#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "worker/data/batch.h"
#include "worker/data/unique_keys.h"

namespace paramd {

// Fills a Batch row by row; what writes a row writes it in place:
//   builder.Begin(shape, &batch);
//   const BatchBuilder::Row row = builder.StartRow(2);
//   row.keys[0] = 7, row.values[0] = 1.0f;
//   row.keys[1] = 9, row.values[1] = 0.5f;
//   builder.FinishRow(label, 2);
//   builder.Finish();
// Keeps scratch memory from batch to batch; not thread-safe. Borrows the batch until Finish.
class BatchBuilder {
 public:
  struct Options {
    // Keys are replaced by the top `hash_bits` (1 to 64) bits of their XXH3 hash (HashKey in
    // common/routing/hash_keys.h): feature hashing (Weinberger et al. 2009), without the sign.
    // Features of a row whose keys become the same stay features of their own. 0: no hashing.
    int hash_bits = 0;
  };

  BatchBuilder() : BatchBuilder(Options()) {}
  explicit BatchBuilder(const Options& options) : options_(options) {}

  // Where the features of a row are written to.
  struct Row {
    uint64_t* keys = nullptr;  // of a sparse batch only
    float* values = nullptr;
    uint32_t* fields = nullptr;  // of data with fields only
  };

  void Begin(const DatasetShape& shape, Batch* batch);

  // Room for a row of up to `features` features, until the next call. A row that is not finished is
  // forgotten.
  Row StartRow(size_t features);
  // Adds the row of the last StartRow, with its first `features` features.
  void FinishRow(float label, size_t features);
  // The same for an example with a weight; then every row of the batch has one.
  void FinishRow(float label, size_t features, float weight);

  size_t rows() const { return batch_->rows(); }
  // Features of all rows.
  size_t size() const { return size_; }

  // Hashes the keys and makes them unique; the batch is whole after it.
  void Finish();

 private:
  void HashAllKeys();

  const Options options_;
  Batch* batch_ = nullptr;
  bool has_fields_ = false;
  size_t size_ = 0;
  std::vector<uint64_t> keys_;  // [size_] of them, then room
  KeyUniquer uniquer_;
};

}  // namespace paramd
