#include "server/optimizer/adadelta.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "server/optimizer/adadelta.cc"
#include "hwy/foreach_target.h"
#include "server/optimizer/rule-inl.h"

HWY_BEFORE_NAMESPACE();
namespace paramd {
namespace HWY_NAMESPACE {

struct AdadeltaRule {
  static constexpr int kStateSlots = 2;
  static constexpr bool kUsesPulled = false;
  const Adadelta settings;

  template <class D, class V>
  HWY_INLINE void Update(D d, const Step& step, V g, V& w, V* s) const {
    const V epsilon = hn::Set(d, settings.epsilon);
    const V h = Regularised(d, settings.l2, g, w);
    s[0] = MeanSquare(d, settings.rho, settings.one_minus_rho, s[0], h);
    const V gradients = hn::Sqrt(hn::Add(s[0], epsilon)),
            changes = hn::Sqrt(hn::Add(s[1], epsilon));
    const V ratio = AtMostLargest(d, hn::Div(changes, gradients));
    const V change = hn::IfThenElseZero(hn::Gt(gradients, hn::Zero(d)), ratio);
    const V x = Saturated(d, hn::Mul(change, h));
    s[1] = MeanSquare(d, settings.rho, settings.one_minus_rho, s[1], x);
    w = Shrunk(d, step, hn::Sub(w, hn::Mul(hn::Set(d, step.rate), x)));
  }
};

std::unique_ptr<const Optimizer> AdadeltaOptimizer(const Adadelta& settings,
                                                   const StepSettings& step) {
  return MakeRule(AdadeltaRule{settings}, step);
}

}  // namespace HWY_NAMESPACE
}  // namespace paramd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace paramd {
HWY_EXPORT(AdadeltaOptimizer);

std::unique_ptr<const Optimizer> MakeAdadelta(const Adadelta& settings, const StepSettings& step) {
  return HWY_DYNAMIC_DISPATCH(AdadeltaOptimizer)(settings, step);
}

}  // namespace paramd
#endif  // HWY_ONCE
