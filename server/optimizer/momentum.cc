#include "server/optimizer/momentum.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "server/optimizer/momentum.cc"
#include "hwy/foreach_target.h"
#include "server/optimizer/rule-inl.h"

HWY_BEFORE_NAMESPACE();
namespace paramd {
namespace HWY_NAMESPACE {

struct MomentumRule {
  static constexpr int kStateSlots = 1;
  static constexpr bool kUsesPulled = false;
  const Momentum settings;

  template <class D, class V>
  HWY_INLINE void Update(D d, const Step& step, V g, V& w, V* s) const {
    const V h = Regularised(d, settings.l2, g, w);
    const V kept = hn::Mul(hn::Set(d, settings.momentum), s[0]);
    s[0] = Saturated(d, hn::Sub(kept, hn::Mul(hn::Set(d, step.rate), h)));
    w = Shrunk(d, step, hn::Add(w, s[0]));
  }
};

std::unique_ptr<const Optimizer> MomentumOptimizer(const Momentum& settings,
                                                   const StepSettings& step) {
  return MakeRule(MomentumRule{settings}, step);
}

}  // namespace HWY_NAMESPACE
}  // namespace paramd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace paramd {
HWY_EXPORT(MomentumOptimizer);

std::unique_ptr<const Optimizer> MakeMomentum(const Momentum& settings, const StepSettings& step) {
  return HWY_DYNAMIC_DISPATCH(MomentumOptimizer)(settings, step);
}

}  // namespace paramd
#endif  // HWY_ONCE
