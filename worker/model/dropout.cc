#include "worker/model/dropout.h"

#include <xxhash.h>

#include "common/base/random.h"

namespace paramd {
namespace {

template <typename T>
uint64_t Hash(const std::vector<T>& values, uint64_t seed) {
  return XXH3_64bits_withSeed(values.data(), values.size() * sizeof(T), seed);
}

}  // namespace

void Dropout::Begin(const Batch& batch) {
  const uint64_t features = Hash(batch.unique_keys, Hash(batch.columns, Hash(batch.values, 0)));
  stream_ = CounterRandom(Hash(batch.labels, features), steps_++, 0);
}

void Dropout::Draw(size_t layer, absl::Span<float> mask) const {
  const auto kept = static_cast<float>(1 / (1 - rate_));
  Random random(seed_, Mix64(stream_ ^ layer));
  for (float& m : mask) m = random.NextUnit() < rate_ ? 0 : kept;
}

}  // namespace paramd
