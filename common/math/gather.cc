#include "common/math/gather.h"

#include <cstring>

// This file is compiled once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "common/math/gather.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h.
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace paramd {
namespace {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

void Gather(const float* from, absl::Span<const uint32_t> order, float* to) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  const auto* const indices = reinterpret_cast<const int32_t*>(order.data());
  size_t i = 0;
  for (; i + hn::Lanes(d) <= order.size(); i += hn::Lanes(d)) {
    hn::StoreU(hn::GatherIndex(d, from, hn::LoadU(di, indices + i)), d, to + i);
  }
  for (; i < order.size(); ++i) to[i] = from[order[i]];
}

void Scatter(const uint8_t* from, absl::Span<const uint32_t> order, float* to) {
  size_t i = 0;
#if HWY_TARGET != HWY_SCALAR  // has no vectors of bytes
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  const auto* const indices = reinterpret_cast<const int32_t*>(order.data());
  const hn::Repartition<uint8_t, decltype(d)> d8;
  for (; i + hn::Lanes(d) <= order.size(); i += hn::Lanes(d)) {
    const auto values = hn::BitCast(d, hn::LoadU(d8, from + i * sizeof(float)));
    hn::ScatterIndex(values, d, to, hn::LoadU(di, indices + i));
  }
#endif
  for (; i < order.size(); ++i) std::memcpy(to + order[i], from + i * sizeof(float), sizeof(float));
}

}  // namespace HWY_NAMESPACE
}  // namespace
}  // namespace paramd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace paramd {
namespace {

HWY_EXPORT(Gather);
HWY_EXPORT(Scatter);

}  // namespace

void Gather(const float* from, absl::Span<const uint32_t> order, float* to) {
  HWY_DYNAMIC_DISPATCH(Gather)(from, order, to);
}

void Scatter(const void* from, absl::Span<const uint32_t> order, float* to) {
  HWY_DYNAMIC_DISPATCH(Scatter)(static_cast<const uint8_t*>(from), order, to);
}

}  // namespace paramd
#endif  // HWY_ONCE
