#include "server/optimizer/sgd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "server/optimizer/sgd.cc"
#include "hwy/foreach_target.h"
#include "server/optimizer/rule-inl.h"

HWY_BEFORE_NAMESPACE();
namespace paramd {
namespace HWY_NAMESPACE {

struct SgdRule {
  static constexpr int kStateSlots = 0;
  static constexpr bool kUsesPulled = false;
  const Sgd settings;

  template <class D, class V>
  HWY_INLINE void Update(D d, const Step& step, V g, V& w, V* s) const {
    const V h = Regularised(d, settings.l2, g, w);
    w = Shrunk(d, step, hn::Sub(w, hn::Mul(hn::Set(d, step.rate), h)));
  }
};

std::unique_ptr<const Optimizer> SgdOptimizer(const Sgd& settings, const StepSettings& step) {
  return MakeRule(SgdRule{settings}, step);
}

}  // namespace HWY_NAMESPACE
}  // namespace paramd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace paramd {
HWY_EXPORT(SgdOptimizer);

std::unique_ptr<const Optimizer> MakeSgd(const Sgd& settings, const StepSettings& step) {
  return HWY_DYNAMIC_DISPATCH(SgdOptimizer)(settings, step);
}

}  // namespace paramd
#endif  // HWY_ONCE
