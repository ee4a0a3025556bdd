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
  const Sgd settings;

  template <class D, class V>
  HWY_INLINE void Update(D d, float examples, V g, V& w, V* s) const {
    // w - learning_rate (g + l2 w)
    const V full = hn::Add(g, hn::Mul(hn::Set(d, settings.l2), w));
    w = hn::Sub(w, hn::Mul(hn::Set(d, settings.learning_rate), full));
  }
};

std::unique_ptr<const Optimizer> SgdOptimizer(const Sgd& settings) {
  return MakeRule(SgdRule{settings});
}

}  // namespace HWY_NAMESPACE
}  // namespace paramd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace paramd {
HWY_EXPORT(SgdOptimizer);

std::unique_ptr<const Optimizer> MakeSgd(const Sgd& settings) {
  return HWY_DYNAMIC_DISPATCH(SgdOptimizer)(settings);
}

}  // namespace paramd
#endif  // HWY_ONCE
