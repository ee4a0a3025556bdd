#include "server/optimizer/adam.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "server/optimizer/adam.cc"
#include "hwy/foreach_target.h"
#include "server/optimizer/rule-inl.h"

HWY_BEFORE_NAMESPACE();
namespace paramd {
namespace HWY_NAMESPACE {

struct AdamRule {
  static constexpr int kStateSlots = 2;
  static constexpr bool kUsesPulled = false;
  const Adam settings;

  template <class D, class V>
  HWY_INLINE void Update(D d, const Step& step, V g, V& w, V* s) const {
    const V h = Regularised(d, settings.l2, g, w);
    const V now = hn::Mul(hn::Set(d, settings.one_minus_beta1), h);
    s[0] = Saturated(d, hn::Add(hn::Mul(hn::Set(d, settings.beta1), s[0]), now));
    s[1] = MeanSquare(d, settings.beta2, settings.one_minus_beta2, s[1], h);
    const V mean = Saturated(d, hn::Mul(s[0], hn::Set(d, step.first_correction)));
    const V squares = AtMostLargest(d, hn::Mul(s[1], hn::Set(d, step.second_correction)));
    const V denominator = hn::Add(hn::Sqrt(squares), hn::Set(d, settings.epsilon));
    const V ratio = Saturated(d, hn::Div(mean, denominator));
    const V x = hn::IfThenElseZero(hn::Gt(denominator, hn::Zero(d)), ratio);
    const V full = Regularised(d, settings.weight_decay, x, w);
    w = Shrunk(d, step, hn::Sub(w, hn::Mul(hn::Set(d, step.rate), full)));
  }
};

std::unique_ptr<const Optimizer> AdamOptimizer(const Adam& settings, const StepSettings& step) {
  return MakeRule(AdamRule{settings}, step);
}

}  // namespace HWY_NAMESPACE
}  // namespace paramd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace paramd {
HWY_EXPORT(AdamOptimizer);

std::unique_ptr<const Optimizer> MakeAdam(const Adam& settings, const StepSettings& step) {
  return HWY_DYNAMIC_DISPATCH(AdamOptimizer)(settings, step);
}

}  // namespace paramd
#endif  // HWY_ONCE
