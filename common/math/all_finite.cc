#include "common/math/all_finite.h"

#include <cstdint>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "common/math/all_finite.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace paramd {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// A value is infinite or NaN when the bits of its exponent are all ones: its bits without sign are
// not below those of infinity. The largest of all is looked at once.
bool NoneInfinite(const uint8_t* values, size_t size) {
  constexpr uint32_t kMagnitude = 0x7fffffff, kInfinity = 0x7f800000;
  uint32_t largest = 0;
  size_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::ScalableTag<uint32_t> d;
  const hn::Repartition<uint8_t, decltype(d)> bytes;
  const auto magnitude = hn::Set(d, kMagnitude);
  auto max = hn::Zero(d);
  for (; i + hn::Lanes(d) <= size; i += hn::Lanes(d)) {
    const auto bits = hn::BitCast(d, hn::LoadU(bytes, values + i * sizeof(float)));
    max = hn::Max(max, hn::And(bits, magnitude));
  }
  largest = hn::GetLane(hn::MaxOfLanes(d, max));
#endif
  for (; i < size; ++i) {
    uint32_t bits;
    std::memcpy(&bits, values + i * sizeof(float), sizeof(bits));
    bits &= kMagnitude;
    largest = bits > largest ? bits : largest;
  }
  return largest < kInfinity;
}

}  // namespace HWY_NAMESPACE
}  // namespace paramd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace paramd {
HWY_EXPORT(NoneInfinite);

bool AllFinite(const void* values, size_t size) {
  return HWY_DYNAMIC_DISPATCH(NoneInfinite)(static_cast<const uint8_t*>(values), size);
}

}  // namespace paramd
#endif  // HWY_ONCE
