#include "server/optimizer/ftrl.h"

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
  const Ftrl settings;

  template <class D, class V>
  HWY_INLINE void Update(D d, float examples, V g, V& w, V* s) const {
    const V alpha = hn::Set(d, settings.alpha), l1 = hn::Set(d, settings.l1);
    const V largest = hn::Set(d, std::numeric_limits<float>::max());
    const V sum_of_gradients =
        hn::Clamp(hn::Mul(hn::Set(d, examples), g), hn::Neg(largest), largest);
    V& z = s[0];
    V& squares = s[1];
    const V sum = hn::Min(hn::Add(squares, hn::Mul(sum_of_gradients, sum_of_gradients)), largest);
    const V root = hn::Sqrt(sum);
    const V sigma = hn::Div(hn::Sub(root, hn::Sqrt(squares)), alpha);
    z = hn::Clamp(hn::Add(z, hn::Sub(sum_of_gradients, hn::Mul(sigma, w))), hn::Neg(largest),
                  largest);
    squares = sum;
    const V denominator =
        hn::Add(hn::Div(hn::Add(hn::Set(d, settings.beta), root), alpha), hn::Set(d, settings.l2));
    const V shrunk = hn::Sub(z, hn::CopySign(l1, z));
    const auto moves = hn::And(hn::Gt(hn::Abs(z), l1), hn::Gt(denominator, hn::Zero(d)));
    w = hn::IfThenElseZero(moves, hn::Div(hn::Neg(shrunk), denominator));
  }
};

std::unique_ptr<const Optimizer> FtrlOptimizer(const Ftrl& settings) {
  return MakeRule(FtrlRule{settings});
}

}  // namespace HWY_NAMESPACE
}  // namespace paramd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace paramd {
HWY_EXPORT(FtrlOptimizer);

std::unique_ptr<const Optimizer> MakeFtrl(const Ftrl& settings) {
  return HWY_DYNAMIC_DISPATCH(FtrlOptimizer)(settings);
}

}  // namespace paramd
#endif  // HWY_ONCE
