#include "server/optimizer/ftrl.h"

#include <algorithm>
#include <cmath>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "server/optimizer/ftrl.cc"
#include "hwy/foreach_target.h"
#include "server/optimizer/rule-inl.h"

HWY_BEFORE_NAMESPACE();
namespace paramd {
namespace HWY_NAMESPACE {

struct FtrlRule {
  static constexpr int kStateSlots = 2;
  static constexpr bool kUsesPulled = false;
  const Ftrl settings;

  template <class D, class V>
  HWY_INLINE void Update(D d, const Step& step, V g, V& w, V* s) const {
    const V alpha = hn::Set(d, settings.alpha), l1 = hn::Set(d, settings.l1);
    const V sum_of_gradients = Saturated(d, hn::Mul(hn::Set(d, step.examples), g));
    V& z = s[0];
    V& squares = s[1];
    const V sum = AtMostLargest(d, hn::Add(squares, hn::Mul(sum_of_gradients, sum_of_gradients)));
    const V root = hn::Sqrt(sum);
    const V sigma = hn::Div(hn::Sub(root, hn::Sqrt(squares)), alpha);
    const V part = hn::Mul(hn::Set(d, step.rate), sum_of_gradients);
    z = Saturated(d, hn::Add(z, Saturated(d, hn::Sub(part, hn::Mul(sigma, w)))));
    squares = sum;
    const V denominator =
        hn::Add(hn::Div(hn::Add(hn::Set(d, settings.beta), root), alpha), hn::Set(d, settings.l2));
    const V shrunk = hn::Sub(z, hn::CopySign(l1, z));
    const auto moves = hn::And(hn::Gt(hn::Abs(z), l1), hn::Gt(denominator, hn::Zero(d)));
    w = hn::IfThenElseZero(moves, Saturated(d, hn::Div(hn::Neg(shrunk), denominator)));
  }

  // The z whose w, with s = 0, is w.
  float Begin(float w) const {
    const float z = -w * (settings.beta / settings.alpha + settings.l2);
    return std::clamp(w == 0 ? 0 : z - std::copysign(settings.l1, w),
                      -std::numeric_limits<float>::max(), std::numeric_limits<float>::max());
  }
};

std::unique_ptr<const Optimizer> FtrlOptimizer(const Ftrl& settings, const StepSettings& step) {
  return MakeRule(FtrlRule{settings}, step);
}

}  // namespace HWY_NAMESPACE
}  // namespace paramd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace paramd {
HWY_EXPORT(FtrlOptimizer);

std::unique_ptr<const Optimizer> MakeFtrl(const Ftrl& settings, const StepSettings& step) {
  return HWY_DYNAMIC_DISPATCH(FtrlOptimizer)(settings, step);
}

}  // namespace paramd
#endif  // HWY_ONCE
