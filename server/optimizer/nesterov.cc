#include "server/optimizer/nesterov.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "server/optimizer/nesterov.cc"
#include "hwy/foreach_target.h"
#include "server/optimizer/rule-inl.h"

HWY_BEFORE_NAMESPACE();
namespace paramd {
namespace HWY_NAMESPACE {

struct NesterovRule {
  static constexpr int kStateSlots = 1;
  static constexpr bool kUsesPulled = false;
  const Nesterov settings;

  template <class D, class V>
  HWY_INLINE void Update(D d, const Step& step, V g, V& w, V* s) const {
    const V h = Regularised(d, settings.l2, g, w);
    const V momentum = hn::Set(d, settings.momentum);
    const V change = Saturated(d, hn::Mul(hn::Set(d, step.rate), h));
    s[0] = Saturated(d, hn::Sub(hn::Mul(momentum, s[0]), change));
    w = Shrunk(d, step, hn::Add(w, Saturated(d, hn::Sub(hn::Mul(momentum, s[0]), change))));
  }
};

std::unique_ptr<const Optimizer> NesterovOptimizer(const Nesterov& settings,
                                                   const StepSettings& step) {
  return MakeRule(NesterovRule{settings}, step);
}

}  // namespace HWY_NAMESPACE
}  // namespace paramd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace paramd {
HWY_EXPORT(NesterovOptimizer);

std::unique_ptr<const Optimizer> MakeNesterov(const Nesterov& settings, const StepSettings& step) {
  return HWY_DYNAMIC_DISPATCH(NesterovOptimizer)(settings, step);
}

}  // namespace paramd
#endif  // HWY_ONCE
