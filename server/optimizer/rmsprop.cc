#include "server/optimizer/rmsprop.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "server/optimizer/rmsprop.cc"
#include "hwy/foreach_target.h"
#include "server/optimizer/rule-inl.h"

HWY_BEFORE_NAMESPACE();
namespace paramd {
namespace HWY_NAMESPACE {

struct RmspropRule {
  static constexpr int kStateSlots = 1;
  static constexpr bool kUsesPulled = false;
  const Rmsprop settings;

  template <class D, class V>
  HWY_INLINE void Update(D d, const Step& step, V g, V& w, V* s) const {
    const V h = Regularised(d, settings.l2, g, w);
    s[0] = MeanSquare(d, settings.rho, settings.one_minus_rho, s[0], h);
    const V denominator = hn::Add(hn::Sqrt(s[0]), hn::Set(d, settings.epsilon));
    const V change = hn::Div(hn::Mul(hn::Set(d, step.rate), h), denominator);
    const V moves = hn::IfThenElseZero(hn::Gt(denominator, hn::Zero(d)), change);
    w = Shrunk(d, step, hn::Sub(w, moves));
  }
};

std::unique_ptr<const Optimizer> RmspropOptimizer(const Rmsprop& settings,
                                                  const StepSettings& step) {
  return MakeRule(RmspropRule{settings}, step);
}

}  // namespace HWY_NAMESPACE
}  // namespace paramd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace paramd {
HWY_EXPORT(RmspropOptimizer);

std::unique_ptr<const Optimizer> MakeRmsprop(const Rmsprop& settings, const StepSettings& step) {
  return HWY_DYNAMIC_DISPATCH(RmspropOptimizer)(settings, step);
}

}  // namespace paramd
#endif  // HWY_ONCE
