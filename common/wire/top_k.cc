#include "common/wire/top_k.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstring>
#include <functional>

#include "common/wire/value_codec.h"

namespace paramd {
namespace {

// The magnitude of a float as a number in the same order, below 2^31.
uint32_t Magnitude(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits & 0x7fffffff;
}

// Magnitudes fall into buckets by their exponent and first three digits.
constexpr int kBucketShift = 20;
constexpr size_t kBuckets = size_t{1} << (31 - kBucketShift);

template <typename T>
uint8_t* Append(uint8_t* out, const T& value) {
  std::memcpy(out, &value, sizeof(T));
  return out + sizeof(T);
}

}  // namespace

uint64_t TopKCount(uint64_t size, double fraction) {
  assert(fraction > 0 && fraction <= 1);
  return std::min(size, static_cast<uint64_t>(std::ceil(fraction * static_cast<double>(size))));
}

absl::Span<const uint32_t> TopKSelector::Select(absl::Span<const float> values, size_t k) {
  assert(k <= values.size() && values.size() <= kMaxSegmentValues);
  if (k == 0) return {};
  // The bucket with the k-th largest magnitude, and the how-manieth it is there.
  std::array<uint32_t, kBuckets> counts = {};
  for (const float value : values) ++counts[Magnitude(value) >> kBucketShift];
  size_t bucket = kBuckets - 1;
  size_t rank = k;
  for (; rank > counts[bucket]; --bucket) rank -= counts[bucket];
  candidates_.resize(counts[bucket]);
  size_t found = 0;
  for (const float value : values) {
    const uint32_t magnitude = Magnitude(value);
    if (magnitude >> kBucketShift == bucket) candidates_[found++] = magnitude;
  }
  const auto kth = candidates_.begin() + static_cast<ptrdiff_t>(rank - 1);
  std::nth_element(candidates_.begin(), kth, candidates_.end(), std::greater<uint32_t>());
  const uint32_t threshold = *kth;
  // Before the k-th stand the larger ones, and as many equal ones as are selected beside it.
  size_t ties = 1 + std::count(candidates_.begin(), kth, threshold);
  positions_.resize(k + 1);  // one more is written to and not kept
  size_t selected = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const uint32_t magnitude = Magnitude(values[i]);
    const bool tie = magnitude == threshold && ties > 0;
    ties -= tie;
    positions_[selected] = static_cast<uint32_t>(i);
    selected += tie || magnitude > threshold;
  }
  assert(selected == k);
  return absl::MakeConstSpan(positions_).first(k);
}

void EncodeTopK(absl::Span<const float> values, absl::Span<const uint32_t> positions,
                uint8_t* out) {
  out = Append(out, static_cast<uint32_t>(positions.size()));
  size_t next = 0;
  for (size_t begin = 0; begin < values.size(); begin += kTopKBlock) {
    const size_t first = next;
    while (next < positions.size() && positions[next] < begin + kTopKBlock) ++next;
    out = Append(out, static_cast<uint16_t>(next - first));
    for (size_t i = first; i < next; ++i) *out++ = static_cast<uint8_t>(positions[i] - begin);
    for (size_t i = first; i < next; ++i) out = Append(out, values[positions[i]]);
  }
}

}  // namespace paramd
