// Bodies of blocks of cache files: arbitrary ones are refused or decode to whole batches, which
// survive a round trip. The first byte chooses the data set.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "worker/data/cache_block.h"

namespace paramd {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

template <typename T>
bool SameBytes(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

void RequireWhole(const Batch& batch, const DatasetShape& shape) {
  Require(batch.weights.empty() || batch.weights.size() == batch.rows());
  if (!shape.sparse) {
    return Require(batch.values.size() == batch.rows() * static_cast<size_t>(shape.columns));
  }
  Require(batch.row_offsets.size() == batch.rows() + 1);
  Require(batch.row_offsets[0] == 0 && batch.row_offsets.back() == batch.values.size());
  for (size_t i = 0; i < batch.rows(); ++i) {
    Require(batch.row_offsets[i] <= batch.row_offsets[i + 1]);
  }
  Require(batch.columns.size() == batch.values.size());
  for (const uint32_t column : batch.columns) Require(column < batch.unique_keys.size());
  for (size_t i = 1; i < batch.unique_keys.size(); ++i) {
    Require(batch.unique_keys[i - 1] < batch.unique_keys[i]);
  }
  Require(batch.fields.size() == (shape.fields > 0 ? batch.values.size() : 0));
  for (const uint32_t field : batch.fields) Require(field < shape.fields);
}

void TryBody(const DatasetShape& shape, const std::vector<uint64_t>& body) {
  constexpr uint64_t kMaxRows = 1000;
  Batch batch, again;
  ReadStats stats, stats_again;
  if (!DecodeCacheBlock(body, shape, kMaxRows, &batch, &stats).ok()) return;
  Require(stats.records == batch.rows() && batch.rows() <= kMaxRows);
  RequireWhole(batch, shape);
  std::vector<uint64_t> encoded;
  EncodeCacheBlock(batch, shape, stats, &encoded);
  Require(DecodeCacheBlock(encoded, shape, kMaxRows, &again, &stats_again).ok());
  Require(SameBytes(batch.labels, again.labels) && SameBytes(batch.weights, again.weights));
  Require(batch.row_offsets == again.row_offsets && batch.columns == again.columns);
  Require(batch.fields == again.fields && SameBytes(batch.values, again.values));
  Require(batch.unique_keys == again.unique_keys);
  Require(stats.bad_records == stats_again.bad_records);
  Require(stats.bad_record_examples == stats_again.bad_record_examples);
}

}  // namespace
}  // namespace paramd

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  paramd::DatasetShape shape;
  shape.sparse = data[0] % 4 != 0;
  shape.columns = shape.sparse ? 0 : data[0] / 4 % 8;
  shape.fields = data[0] % 4 == 1 ? 300 : 0;
  std::vector<uint64_t> body((size - 1) / sizeof(uint64_t));
  if (!body.empty()) std::memcpy(body.data(), data + 1, body.size() * sizeof(uint64_t));
  paramd::TryBody(shape, body);
  return 0;
}
