#include "server/optimizer/adagrad.h"

#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "server/optimizer/adagrad.cc"
#include "hwy/foreach_target.h"
#include "server/optimizer/rule-inl.h"

HWY_BEFORE_NAMESPACE();
namespace paramd {
namespace HWY_NAMESPACE {

struct AdagradRule {
  static constexpr int kStateSlots = 1;
  const Adagrad settings;

  template <class D, class V>
  HWY_INLINE void Update(D d, float examples, V g, V& w, V* s) const {
    const V h = hn::Add(g, hn::Mul(hn::Set(d, settings.l2), w));
    s[0] = hn::Min(hn::Add(s[0], hn::Mul(h, h)), hn::Set(d, std::numeric_limits<float>::max()));
    const V denominator = hn::Add(hn::Sqrt(s[0]), hn::Set(d, settings.epsilon));
    const V change = hn::Div(hn::Mul(hn::Set(d, settings.learning_rate), h), denominator);
    w = hn::Sub(w, hn::IfThenElseZero(hn::Gt(denominator, hn::Zero(d)), change));
  }
};

std::unique_ptr<const Optimizer> AdagradOptimizer(const Adagrad& settings) {
  return MakeRule(AdagradRule{settings});
}

}  // namespace HWY_NAMESPACE
}  // namespace paramd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace paramd {
HWY_EXPORT(AdagradOptimizer);

std::unique_ptr<const Optimizer> MakeAdagrad(const Adagrad& settings) {
  return HWY_DYNAMIC_DISPATCH(AdagradOptimizer)(settings);
}

}  // namespace paramd
#endif  // HWY_ONCE
