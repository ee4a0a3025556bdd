// What all update rules share: vector loops over runs and over scattered rows. Included by the .cc
// of each rule, once per instruction set (Highway's foreach_target.h).

#include <algorithm>
#include <cstdint>
#include <cstring>
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

// An update rule as an Optimizer. A rule is copyable and says how one vector of elements changes:
//
//   struct Rule {
//     static constexpr int kStateSlots = 1;
//     // Vectors of the mean gradient g, the parameters w and their state s[kStateSlots].
//     template <class D, class V>
//     HWY_INLINE void Update(D d, float examples, V g, V& w, V* s) const;
//   };
//
// Only operations that IEEE 754 rounds to the bit (no fused multiply-add, no approximations), so
// that every instruction set has the same results.
template <class Rule>
class RuleOptimizer final : public Optimizer {
 public:
  explicit RuleOptimizer(const Rule& rule) : rule_(rule) {}

  int state_slots() const override { return kSlots; }

  void Apply(const void* gradient, uint64_t examples, int64_t n, float* parameters, float* state,
             int64_t stride) const override {
    const Rule rule = rule_;
    Run(rule, static_cast<float>(examples), Bytes(gradient), n, parameters, state, stride);
  }

  void ApplyRows(const void* gradients, uint64_t examples, float* const* rows, int64_t count,
                 int64_t dim) const override {
    const Rule rule = rule_;
    const auto scale = static_cast<float>(examples);
    const uint8_t* const bytes = Bytes(gradients);
    if (dim == 1) return RunTiles<1>(rule, scale, bytes, rows, count, 1);
    if (dim < kTiledDim) return RunTiles<0>(rule, scale, bytes, rows, count, dim);
    for (int64_t i = 0; i < count; ++i) {
      Run(rule, scale, bytes + i * dim * kFloat, dim, rows[i], rows[i] + dim, dim);
    }
  }

 private:
  static constexpr int kSlots = Rule::kStateSlots;
  static constexpr int64_t kFloat = sizeof(float);
  static constexpr int64_t kTile = 256;     // elements of rows that are updated together
  static constexpr int64_t kTiledDim = 16;  // from here on a row fills vectors by itself
  using D = hn::ScalableTag<float>;
  using V = hn::Vec<D>;

  static const uint8_t* Bytes(const void* data) { return static_cast<const uint8_t*>(data); }

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
  static HWY_INLINE void Step(const Rule& rule, float examples, const uint8_t* gradient,
                              float* parameters, float* state, int64_t stride) {
    const D d;
    const V g = LoadAnywhere(gradient);
    V w = hn::LoadU(d, parameters);
    V s[kSlots + 1];
    for (int slot = 0; slot < kSlots; ++slot) s[slot] = hn::LoadU(d, state + slot * stride);
    rule.Update(d, examples, g, w, s);
    hn::StoreU(w, d, parameters);
    for (int slot = 0; slot < kSlots; ++slot) hn::StoreU(s[slot], d, state + slot * stride);
  }

  // Fewer elements than a vector has.
  static HWY_INLINE void Tail(const Rule& rule, float examples, const uint8_t* gradient, int64_t n,
                              float* parameters, float* state, int64_t stride) {
    constexpr int64_t kLanes = hn::MaxLanes(D());
    float padded[(2 + kSlots) * kLanes] = {};
    float* const g = padded;
    float* const w = padded + kLanes;
    float* const s = padded + 2 * kLanes;
    std::memcpy(g, gradient, n * kFloat);
    std::memcpy(w, parameters, n * kFloat);
    for (int slot = 0; slot < kSlots; ++slot) {
      std::memcpy(s + slot * kLanes, state + slot * stride, n * kFloat);
    }
    Step(rule, examples, Bytes(g), w, s, kLanes);
    std::memcpy(parameters, w, n * kFloat);
    for (int slot = 0; slot < kSlots; ++slot) {
      std::memcpy(state + slot * stride, s + slot * kLanes, n * kFloat);
    }
  }

  static HWY_INLINE void Run(const Rule& rule, float examples, const uint8_t* gradient, int64_t n,
                             float* parameters, float* state, int64_t stride) {
    const auto lanes = static_cast<int64_t>(hn::Lanes(D()));
    int64_t i = 0;
    for (; i + lanes <= n; i += lanes) {
      Step(rule, examples, gradient + i * kFloat, parameters + i, kSlots > 0 ? state + i : nullptr,
           stride);
    }
    if (i >= n) return;
    Tail(rule, examples, gradient + i * kFloat, n - i, parameters + i,
         kSlots > 0 ? state + i : nullptr, stride);
  }

  // Short rows: their elements are brought together, updated and put back. `kDim`: dim where it is
  // known at compile time, or 0.
  template <int64_t kDim>
  static HWY_INLINE void RunTiles(const Rule& rule, float examples, const uint8_t* gradients,
                                  float* const* rows, int64_t count, int64_t dim) {
    if (kDim > 0) dim = kDim;
    float tile[(1 + kSlots) * kTile];  // [1 + slots][kTile]
    const int64_t rows_per_tile = kTile / dim;
    for (int64_t first = 0; first < count; first += rows_per_tile) {
      const int64_t n = std::min(rows_per_tile, count - first);
      for (int64_t i = 0; i < n; ++i) {
        const float* const row = rows[first + i];
        for (int slot = 0; slot <= kSlots; ++slot) {
          for (int64_t j = 0; j < dim; ++j) tile[slot * kTile + i * dim + j] = row[slot * dim + j];
        }
      }
      Run(rule, examples, gradients + first * dim * kFloat, n * dim, tile, tile + kTile, kTile);
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
std::unique_ptr<const Optimizer> MakeRule(const Rule& rule) {
  return std::make_unique<RuleOptimizer<Rule>>(rule);
}

}  // namespace HWY_NAMESPACE
}  // namespace paramd
HWY_AFTER_NAMESPACE();

#endif  // PARAMD_SERVER_OPTIMIZER_RULE_INL_H_
