#include "server/optimizer/adagrad.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "server/optimizer/adagrad.cc"
#include "hwy/foreach_target.h"
#include "server/optimizer/rule-inl.h"

HWY_BEFORE_NAMESPACE();
namespace paramd {
namespace HWY_NAMESPACE {

struct AdagradRule {
  static constexpr int kStateSlots = 1;
  static constexpr bool kUsesPulled = false;
  const Adagrad settings;

  template <class D, class V>
  HWY_INLINE void Update(D d, const Step& step, V g, V& w, V* s) const {
    const V h = Regularised(d, settings.l2, g, w);
    s[0] = AtMostLargest(d, hn::Add(s[0], hn::Mul(h, h)));
    const V denominator = hn::Add(hn::Sqrt(s[0]), hn::Set(d, settings.epsilon));
    const V change = hn::Div(hn::Mul(hn::Set(d, step.rate), h), denominator);
    const V moves = hn::IfThenElseZero(hn::Gt(denominator, hn::Zero(d)), change);
    w = Shrunk(d, step, hn::Sub(w, moves));
  }
};

std::unique_ptr<const Optimizer> AdagradOptimizer(const Adagrad& settings,
                                                  const StepSettings& step) {
  return MakeRule(AdagradRule{settings}, step);
}

}  // namespace HWY_NAMESPACE
}  // namespace paramd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace paramd {
HWY_EXPORT(AdagradOptimizer);

std::unique_ptr<const Optimizer> MakeAdagrad(const Adagrad& settings, const StepSettings& step) {
  return HWY_DYNAMIC_DISPATCH(AdagradOptimizer)(settings, step);
}

}  // namespace paramd
#endif  // HWY_ONCE
