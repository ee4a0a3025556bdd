// What all update rules share: vector loops over runs and over scattered rows. Included by the .cc
// of each rule, once per instruction set (Highway's foreach_target.h).

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>

#include "hwy/highway.h"
#include "server/optimizer/optimizer.h"

#if defined(PARAMD_SERVER_OPTIMIZER_RULE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PARAMD_SERVER_OPTIMIZER_RULE_INL_H_
#undef PARAMD_SERVER_OPTIMIZER_RULE_INL_H_
#else
#define PARAMD_SERVER_OPTIMIZER_RULE_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace paramd {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// A vector brought back between the smallest and the largest float.
template <class D, class V>
HWY_INLINE V Saturated(D d, V v) {
  const V largest = hn::Set(d, std::numeric_limits<float>::max());
  return hn::Clamp(v, hn::Neg(largest), largest);
}

// The same for what is never negative.
template <class D, class V>
HWY_INLINE V AtMostLargest(D d, V v) {
  return hn::Min(v, hn::Set(d, std::numeric_limits<float>::max()));
}

// g + l2 w: the gradient with L2 regularisation.
template <class D, class V>
HWY_INLINE V Regularised(D d, float l2, V g, V w) {
  return Saturated(d, hn::Add(g, hn::Mul(hn::Set(d, l2), w)));
}

// What a step has led to, moved towards zero:
//   sign(w) max(|w| - rate l1, 0)
// Duchi and Singer, "Efficient online and batch learning using forward backward splitting", JMLR 10
// (2009), equation 19.
template <class D, class V>
HWY_INLINE V Shrunk(D d, const Step& step, V w) {
  const V size = hn::Sub(hn::Abs(Saturated(d, w)), hn::Set(d, step.shrink));
  return hn::CopySign(hn::Max(size, hn::Zero(d)), w);
}

// keep s + (1 - keep) x^2, with s and the result at most the largest float. 0 <= keep < 1.
template <class D, class V>
HWY_INLINE V MeanSquare(D d, float keep, float rest, V s, V x) {
  const V now = hn::Mul(hn::Set(d, rest), hn::Mul(x, x));
  return AtMostLargest(d, hn::Add(hn::Mul(hn::Set(d, keep), s), now));
}

// An update rule as an Optimizer. A rule is copyable and says how one vector of elements changes:
//
//   struct Rule {
//     static constexpr int kStateSlots = 1;
//     static constexpr bool kUsesPulled = false;
//     // Vectors of the mean gradient g, the parameters w and their state s[kStateSlots]; with
//     // kUsesPulled, s[kStateSlots] has the parameters that the gradient was computed from.
//     template <class D, class V>
//     HWY_INLINE void Update(D d, const Step& step, V g, V& w, V* s) const;
//     // Slot 0 of a parameter that begins at w; without this function it is zero.
//     float Begin(float w) const;
//   };
//
// Only operations that IEEE 754 rounds to the bit (no fused multiply-add, no approximations), so
// that every instruction set has the same results. Whatever may overflow is brought back to the
// largest float before it meets another infinity or a zero, so that there is never a NaN.
template <class Rule>
class RuleOptimizer final : public Optimizer {
 public:
  RuleOptimizer(const Rule& rule, const StepSettings& settings)
      : Optimizer(settings), rule_(rule) {}

  int state_slots() const override { return kSlots; }
  bool uses_pulled() const override { return Rule::kUsesPulled; }

  void Begin(const float* parameters, int64_t n, float* state, int64_t stride) const override {
    if constexpr (requires { rule_.Begin(0.0f); }) {
      for (int64_t i = 0; i < n; ++i) state[i] = rule_.Begin(parameters[i]);
    }
  }

  void Apply(const void* gradient, const Step& step, int64_t n, float* parameters, float* state,
             int64_t stride, const float* pulled) const override {
    const Rule rule = rule_;
    const Step common = step;
    Run(rule, common, Bytes(gradient), n,
        {parameters, state, stride, pulled == nullptr ? parameters : pulled});
  }

  void ApplyRows(const void* gradients, const Step& step, float* const* rows, int64_t count,
                 int64_t dim, const float* const* pulled) const override {
    const Rule rule = rule_;
    const Step common = step;
    const uint8_t* const bytes = Bytes(gradients);
    if (dim == 1) return RunTiles<1>(rule, common, bytes, rows, count, 1, pulled);
    if (dim < kTiledDim) return RunTiles<0>(rule, common, bytes, rows, count, dim, pulled);
    for (int64_t i = 0; i < count; ++i) {
      Run(rule, common, bytes + i * dim * kFloat, dim,
          {rows[i], rows[i] + dim, dim, PulledOf(rows, pulled, i)});
    }
  }

 private:
  static constexpr int kSlots = Rule::kStateSlots;
  // State, and what the rule reads beside it.
  static constexpr int kInputs = kSlots + (Rule::kUsesPulled ? 1 : 0);
  static constexpr int64_t kFloat = sizeof(float);
  static constexpr int64_t kTile = 256;     // elements of rows that are updated together
  static constexpr int64_t kTiledDim = 16;  // from here on a row fills vectors by itself
  using D = hn::ScalableTag<float>;
  using V = hn::Vec<D>;

  // Where elements lie. state: not looked at without slots; pulled: only with kUsesPulled.
  struct Elements {
    float* parameters;
    float* state;
    int64_t stride;
    const float* pulled;

    HWY_INLINE Elements From(int64_t i) const {
      return {parameters + i, kSlots > 0 ? state + i : nullptr, stride, pulled + i};
    }
  };

  static const uint8_t* Bytes(const void* data) { return static_cast<const uint8_t*>(data); }

  // The row itself where nothing was pulled.
  static HWY_INLINE const float* PulledOf(float* const* rows, const float* const* pulled,
                                          int64_t i) {
    if (!Rule::kUsesPulled || pulled == nullptr || pulled[i] == nullptr) return rows[i];
    return pulled[i];
  }

  // A vector from float32s at any alignment.
  static HWY_INLINE V LoadAnywhere(const uint8_t* bytes) {
    const D d;
#if HWY_TARGET == HWY_SCALAR
    float value;
    std::memcpy(&value, bytes, sizeof(value));
    return hn::Set(d, value);
#else
    return hn::BitCast(d, hn::LoadU(hn::Repartition<uint8_t, D>(), bytes));
#endif
  }

  // A whole vector of elements.
  static HWY_INLINE void OneVector(const Rule& rule, const Step& step, const uint8_t* gradient,
                                   const Elements& e) {
    const D d;
    const V clip = hn::Set(d, step.clip);
    const V g = hn::Clamp(LoadAnywhere(gradient), hn::Neg(clip), clip);
    V w = hn::LoadU(d, e.parameters);
    V s[kInputs + 1];
    for (int slot = 0; slot < kSlots; ++slot) s[slot] = hn::LoadU(d, e.state + slot * e.stride);
    if constexpr (Rule::kUsesPulled) s[kSlots] = hn::LoadU(d, e.pulled);
    rule.Update(d, step, g, w, s);
    hn::StoreU(w, d, e.parameters);
    for (int slot = 0; slot < kSlots; ++slot) hn::StoreU(s[slot], d, e.state + slot * e.stride);
  }

  // Fewer elements than a vector has.
  static HWY_INLINE void Tail(const Rule& rule, const Step& step, const uint8_t* gradient,
                              int64_t n, const Elements& e) {
    constexpr int64_t kLanes = hn::MaxLanes(D());
    float padded[(2 + kInputs) * kLanes] = {};
    float* const g = padded;
    float* const w = padded + kLanes;
    float* const s = padded + 2 * kLanes;
    std::memcpy(g, gradient, n * kFloat);
    std::memcpy(w, e.parameters, n * kFloat);
    for (int slot = 0; slot < kSlots; ++slot) {
      std::memcpy(s + slot * kLanes, e.state + slot * e.stride, n * kFloat);
    }
    if constexpr (Rule::kUsesPulled) std::memcpy(s + kSlots * kLanes, e.pulled, n * kFloat);
    OneVector(rule, step, Bytes(g), {w, s, kLanes, s + kSlots * kLanes});
    std::memcpy(e.parameters, w, n * kFloat);
    for (int slot = 0; slot < kSlots; ++slot) {
      std::memcpy(e.state + slot * e.stride, s + slot * kLanes, n * kFloat);
    }
  }

  static HWY_INLINE void Run(const Rule& rule, const Step& step, const uint8_t* gradient, int64_t n,
                             const Elements& e) {
    const auto lanes = static_cast<int64_t>(hn::Lanes(D()));
    int64_t i = 0;
    for (; i + lanes <= n; i += lanes) OneVector(rule, step, gradient + i * kFloat, e.From(i));
    if (i < n) Tail(rule, step, gradient + i * kFloat, n - i, e.From(i));
  }

  // Short rows: their elements are brought together, updated and put back. `kDim`: dim where it is
  // known at compile time, or 0.
  template <int64_t kDim>
  static HWY_INLINE void RunTiles(const Rule& rule, const Step& step, const uint8_t* gradients,
                                  float* const* rows, int64_t count, int64_t dim,
                                  const float* const* pulled) {
    if (kDim > 0) dim = kDim;
    float tile[(1 + kInputs) * kTile];  // [1 + inputs][kTile]
    const int64_t rows_per_tile = kTile / dim;
    for (int64_t first = 0; first < count; first += rows_per_tile) {
      const int64_t n = std::min(rows_per_tile, count - first);
      for (int64_t i = 0; i < n; ++i) {
        const float* const row = rows[first + i];
        for (int slot = 0; slot <= kSlots; ++slot) {
          for (int64_t j = 0; j < dim; ++j) tile[slot * kTile + i * dim + j] = row[slot * dim + j];
        }
        if constexpr (Rule::kUsesPulled) {
          const float* const before = PulledOf(rows, pulled, first + i);
          std::copy_n(before, dim, tile + kInputs * kTile + i * dim);
        }
      }
      Run(rule, step, gradients + first * dim * kFloat, n * dim,
          {tile, tile + kTile, kTile, tile + kInputs * kTile});
      for (int64_t i = 0; i < n; ++i) {
        float* const row = rows[first + i];
        for (int slot = 0; slot <= kSlots; ++slot) {
          for (int64_t j = 0; j < dim; ++j) row[slot * dim + j] = tile[slot * kTile + i * dim + j];
        }
      }
    }
  }

  const Rule rule_;
};

template <class Rule>
std::unique_ptr<const Optimizer> MakeRule(const Rule& rule, const StepSettings& settings) {
  return std::make_unique<RuleOptimizer<Rule>>(rule, settings);
}

}  // namespace HWY_NAMESPACE
}  // namespace paramd
HWY_AFTER_NAMESPACE();

#endif  // PARAMD_SERVER_OPTIMIZER_RULE_INL_H_
