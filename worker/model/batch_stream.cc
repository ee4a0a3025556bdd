#include "worker/model/batch_stream.h"

#include <xxhash.h>

#include <vector>

#include "common/base/random.h"

namespace paramd {
namespace {

template <typename T>
uint64_t Hash(const std::vector<T>& values, uint64_t seed) {
  return XXH3_64bits_withSeed(values.data(), values.size() * sizeof(T), seed);
}

}  // namespace

uint64_t BatchStream::Next(const Batch& batch) {
  const uint64_t features = Hash(batch.unique_keys, Hash(batch.columns, Hash(batch.values, 0)));
  return CounterRandom(Hash(batch.labels, features), batches_++, 0);
}

}  // namespace paramd
