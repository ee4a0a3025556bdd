#include "worker/model/exponentials.h"

#include <cassert>
#include <cstddef>
#include <cstdint>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/model/exponentials.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace paramd {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// c[0] + c[1] x + ... by Horner's rule.
template <class D, size_t kSize>
HWY_INLINE hn::Vec<D> Polynomial(D d, hn::Vec<D> x, const double (&c)[kSize]) {
  hn::Vec<D> y = hn::Set(d, c[kSize - 1]);
  for (size_t i = kSize - 1; i-- > 0;) y = hn::Add(hn::Mul(y, x), hn::Set(d, c[i]));
  return y;
}

// e^x = 2^n e^r with n = round(x / log 2), |r| <= log(2) / 2; e^r by its Taylor polynomial of
// degree 9, whose remainder is below (log(2) / 2)^10 / 10! = 7e-12, 1e-11 of it. log 2 in two
// parts, the first of which has zeros at its end so that n times it is exact (W. Cody, W. Waite:
// "Software Manual for the Elementary Functions", 1980).
template <class D>
HWY_INLINE hn::Vec<D> ExpOfNegative(D d, hn::Vec<D> x) {
  static constexpr double kTaylor[] = {1,         1,         1.0 / 2,    1.0 / 6,     1.0 / 24,
                                       1.0 / 120, 1.0 / 720, 1.0 / 5040, 1.0 / 40320, 1.0 / 362880};
  const hn::RebindToUnsigned<D> du;
  // Adding 1.5 * 2^52 leaves no room for a fraction: n is in the lowest bits.
  const auto shifter = hn::Set(d, 0x1.8p52);
  const auto shifted = hn::Add(hn::Mul(x, hn::Set(d, 0x1.71547652b82fep0)), shifter);
  const auto n = hn::Sub(shifted, shifter);
  auto r = hn::Sub(x, hn::Mul(n, hn::Set(d, 0x1.62e42feep-1)));
  r = hn::Sub(r, hn::Mul(n, hn::Set(d, 0x1.a39ef35793c76p-33)));
  const auto exponent =
      hn::Add(hn::ShiftLeft<52>(hn::BitCast(du, shifted)), hn::Set(du, uint64_t{1023} << 52));
  const auto y = hn::Mul(Polynomial(d, r, kTaylor), hn::BitCast(d, exponent));
  return hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, -708.0)), y);
}

// log(1 + x) for 0 <= x <= 1: 2 artanh(s) with s = x / (2 + x) <= 1/3, by its Taylor polynomial in
// s^2 of degree 9; the remainder is below (1/9)^10 / (21 (1 - 1/9)) = 2e-11 of it.
template <class D>
HWY_INLINE hn::Vec<D> Log1p(D d, hn::Vec<D> x) {
  static constexpr double kTaylor[] = {2.0,      2.0 / 3,  2.0 / 5,  2.0 / 7,  2.0 / 9,
                                       2.0 / 11, 2.0 / 13, 2.0 / 15, 2.0 / 17, 2.0 / 19};
  const auto s = hn::Div(x, hn::Add(x, hn::Set(d, 2.0)));
  return hn::Mul(s, Polynomial(d, hn::Mul(s, s), kTaylor));
}

template <class D>
HWY_INLINE hn::Vec<D> LoadDoubles(D d, const float* p) {
  return hn::PromoteTo(d, hn::LoadU(hn::Rebind<float, D>(), p));
}

template <class D>
HWY_INLINE void StoreFloats(D, hn::Vec<D> x, float* p) {
  const hn::Rebind<float, D> df;
  hn::StoreU(hn::DemoteTo(df, x), df, p);
}

template <class D>
HWY_INLINE void Sigmoid(D d, float* z) {
  const auto x = LoadDoubles(d, z);
  const auto one = hn::Set(d, 1.0);
  const auto e = ExpOfNegative(d, hn::Neg(hn::Abs(x)));
  const auto numerator = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), e, one);
  StoreFloats(d, hn::Div(numerator, hn::Add(one, e)), z);
}

// With m = s z: loss log(1 + e^-|m|) + max(-m, 0), derivative -s e^-m / (1 + e^-m). The exponent is
// never positive, so nothing overflows.
template <class D>
HWY_INLINE void DifferentiateOne(D d, const float* labels, float* z, double* losses) {
  const auto x = LoadDoubles(d, z);
  const auto zero = hn::Zero(d);
  const auto one = hn::Set(d, 1.0);
  const auto positive = hn::Gt(LoadDoubles(d, labels), zero);
  const auto margin = hn::IfThenElse(positive, x, hn::Neg(x));
  const auto e = ExpOfNegative(d, hn::Neg(hn::Abs(x)));
  const auto wrong = hn::Lt(margin, zero);
  const auto loss = hn::Add(Log1p(d, e), hn::IfThenElseZero(wrong, hn::Neg(margin)));
  hn::StoreU(loss, d, losses);
  const auto slope = hn::Div(hn::IfThenElse(wrong, one, e), hn::Add(one, e));
  StoreFloats(d, hn::IfThenElse(positive, hn::Neg(slope), slope), z);
}

// Calls f(tag, i) so that all of [0, n) are covered by the lanes of the tags.
template <class F>
HWY_INLINE void ForAll(size_t n, const F& f) {
  const hn::ScalableTag<double> d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) f(d, i);
  for (; i < n; ++i) f(hn::CappedTag<double, 1>(), i);
}

void ExpAll(double* x, size_t n) {
  ForAll(n, [&](auto d, size_t i)
                HWY_ATTR { hn::StoreU(ExpOfNegative(d, hn::LoadU(d, x + i)), d, x + i); });
}

void SigmoidAll(float* z, size_t n) {
  ForAll(n, [&](auto d, size_t i) HWY_ATTR { Sigmoid(d, z + i); });
}

void DifferentiateAll(const float* labels, float* z, double* losses, size_t n) {
  ForAll(n, [&](auto d, size_t i) HWY_ATTR { DifferentiateOne(d, labels + i, z + i, losses + i); });
}

}  // namespace HWY_NAMESPACE
}  // namespace paramd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace paramd {

HWY_EXPORT(ExpAll);
HWY_EXPORT(SigmoidAll);
HWY_EXPORT(DifferentiateAll);

void ExpOfNegatives(absl::Span<double> x) { HWY_DYNAMIC_DISPATCH(ExpAll)(x.data(), x.size()); }

void Sigmoids(absl::Span<float> z) { HWY_DYNAMIC_DISPATCH(SigmoidAll)(z.data(), z.size()); }

void DifferentiateLogistic(absl::Span<const float> labels, absl::Span<float> z,
                           absl::Span<double> losses) {
  assert(labels.size() == z.size() && losses.size() == z.size());
  HWY_DYNAMIC_DISPATCH(DifferentiateAll)(labels.data(), z.data(), losses.data(), z.size());
}

}  // namespace paramd
#endif  // HWY_ONCE
