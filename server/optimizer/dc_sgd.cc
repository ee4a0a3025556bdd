#include "server/optimizer/dc_sgd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "server/optimizer/dc_sgd.cc"
#include "hwy/foreach_target.h"
#include "server/optimizer/rule-inl.h"

HWY_BEFORE_NAMESPACE();
namespace paramd {
namespace HWY_NAMESPACE {

// What both have: the compensated step, with lambda as a vector.
template <class D, class V>
HWY_INLINE V Compensated(D d, const Step& step, float l2, V lambda, V g, V w, V pulled) {
  const V square = Saturated(d, hn::Mul(lambda, Saturated(d, hn::Mul(g, g))));
  const V moved = Saturated(d, hn::Sub(w, pulled));
  const V now = Saturated(d, hn::Add(g, Saturated(d, hn::Mul(square, moved))));
  const V h = Regularised(d, l2, now, w);
  return Shrunk(d, step, hn::Sub(w, hn::Mul(hn::Set(d, step.rate), h)));
}

struct DcSgdRule {
  static constexpr int kStateSlots = 0;
  static constexpr bool kUsesPulled = true;
  const DcSgd settings;

  template <class D, class V>
  HWY_INLINE void Update(D d, const Step& step, V g, V& w, V* s) const {
    w = Compensated(d, step, settings.l2, hn::Set(d, settings.lambda), g, w, s[0]);
  }
};

struct AdaptiveDcSgdRule {
  static constexpr int kStateSlots = 1;
  static constexpr bool kUsesPulled = true;
  const DcSgd settings;

  template <class D, class V>
  HWY_INLINE void Update(D d, const Step& step, V g, V& w, V* s) const {
    s[0] = MeanSquare(d, settings.mean_decay, settings.one_minus_mean_decay, s[0], g);
    const V root = hn::Sqrt(hn::Add(s[0], hn::Set(d, 1e-7f)));
    const V lambda = hn::Div(hn::Set(d, settings.lambda), root);
    w = Compensated(d, step, settings.l2, lambda, g, w, s[1]);
  }
};

std::unique_ptr<const Optimizer> DcSgdOptimizer(const DcSgd& settings, const StepSettings& step) {
  return MakeRule(DcSgdRule{settings}, step);
}

std::unique_ptr<const Optimizer> AdaptiveDcSgdOptimizer(const DcSgd& settings,
                                                        const StepSettings& step) {
  return MakeRule(AdaptiveDcSgdRule{settings}, step);
}

}  // namespace HWY_NAMESPACE
}  // namespace paramd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace paramd {
HWY_EXPORT(DcSgdOptimizer);
HWY_EXPORT(AdaptiveDcSgdOptimizer);

std::unique_ptr<const Optimizer> MakeDcSgd(const DcSgd& settings, const StepSettings& step) {
  return HWY_DYNAMIC_DISPATCH(DcSgdOptimizer)(settings, step);
}

std::unique_ptr<const Optimizer> MakeAdaptiveDcSgd(const DcSgd& settings,
                                                   const StepSettings& step) {
  return HWY_DYNAMIC_DISPATCH(AdaptiveDcSgdOptimizer)(settings, step);
}

}  // namespace paramd
#endif  // HWY_ONCE
