#include "common/math/zipf.h"

#include <algorithm>
#include <cmath>

namespace paramd {
namespace {

// (e^x - 1) / x and log(1 + x) / x, with their limit 1 at 0.
double ExpM1OverX(double x) { return std::abs(x) > 1e-8 ? std::expm1(x) / x : 1 + x / 2; }
double Log1POverX(double x) { return std::abs(x) > 1e-8 ? std::log1p(x) / x : 1 - x / 2; }

}  // namespace

ZipfDistribution::ZipfDistribution(uint64_t n, double s)
    : n_(n),
      s_(s),
      lower_(Integral(1.5) - 1),
      upper_(Integral(static_cast<double>(n) + 0.5)),
      shortcut_(2 - InverseIntegral(Integral(2.5) - Density(2))) {}

// H(x) = (x^(1 - s) - 1) / (1 - s), log(x) when s is 1.
double ZipfDistribution::Integral(double x) const {
  const double log_x = std::log(x);
  return ExpM1OverX((1 - s_) * log_x) * log_x;
}

double ZipfDistribution::InverseIntegral(double y) const {
  const double t = std::max((1 - s_) * y, -1.0);
  return std::exp(Log1POverX(t) * y);
}

double ZipfDistribution::Density(double x) const { return std::exp(-s_ * std::log(x)); }

uint64_t ZipfDistribution::Draw(Random& random) const {
  const double n = static_cast<double>(n_);
  while (true) {
    const double u = upper_ + random.NextUnit() * (lower_ - upper_);
    const double x = InverseIntegral(u);
    const double k = std::clamp(std::floor(x + 0.5), 1.0, n);
    if (k - x <= shortcut_ || u >= Integral(k + 0.5) - Density(k)) return static_cast<uint64_t>(k);
  }
}

}  // namespace paramd
