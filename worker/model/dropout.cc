#include "worker/model/dropout.h"

#include "common/base/random.h"

namespace paramd {

void Dropout::Begin(const Batch& batch) { stream_ = streams_.Next(batch); }

void Dropout::Draw(size_t layer, absl::Span<float> mask) const {
  const auto kept = static_cast<float>(1 / (1 - rate_));
  Random random(seed_, Mix64(stream_ ^ layer));
  for (float& m : mask) m = random.NextUnit() < rate_ ? 0 : kept;
}

}  // namespace paramd
