#pragma once

#include <cstdint>

#include "common/base/random.h"

namespace paramd {

// Zipf's distribution on 1 .. n: P(k) proportional to k^-s. Takes no memory for any n.
// Rejection-inversion (W. Hoermann, G. Derflinger: "Rejection-inversion to generate variates from
// monotone discrete distributions", ACM TOMACS 6(3), 1996): the area under h(x) = x^-s is inverted
// and the few points that fall beside the histogram are drawn again. Immutable, hence thread-safe.
class ZipfDistribution {
 public:
  // n >= 1, s >= 0 (0 is the uniform distribution).
  ZipfDistribution(uint64_t n, double s);

  uint64_t Draw(Random& random) const;

 private:
  // H(x), an antiderivative of h with H(1) = 0, and its inverse.
  double Integral(double x) const;
  double InverseIntegral(double y) const;
  double Density(double x) const;

  uint64_t n_;
  double s_;
  double lower_;     // H(3/2) - h(1)
  double upper_;     // H(n + 1/2)
  double shortcut_;  // a point within this distance below k is taken without computing areas
};

}  // namespace paramd
