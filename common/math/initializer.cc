#include "common/math/initializer.h"

#include <xxhash.h>

#include <algorithm>

#include "common/base/random.h"

namespace paramd {

void Initializer::Fill(uint64_t row, absl::Span<float> values) const {
  if (scale == 0) {
    std::fill(values.begin(), values.end(), 0.0f);
    return;
  }
  const uint64_t stream = CounterRandom(seed, table, row);
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(scale * (2 * ToUnitInterval(Mix64(stream ^ i)) - 1));
  }
}

uint64_t Initializer::HashOfName(absl::string_view name) {
  return XXH3_64bits(name.data(), name.size());
}

}  // namespace paramd
