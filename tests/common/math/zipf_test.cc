#include "common/math/zipf.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

#include "common/base/random.h"

namespace paramd {
namespace {

// Pearson's statistic of many draws against the definition of the distribution.
void CheckFrequencies(uint64_t n, double s) {
  constexpr int kDraws = 200000;
  const ZipfDistribution zipf(n, s);
  Random random(5);
  std::vector<double> counts(n + 1), expected(n + 1);
  for (int i = 0; i < kDraws; ++i) {
    const uint64_t k = zipf.Draw(random);
    REQUIRE(k >= 1);
    REQUIRE(k <= n);
    ++counts[k];
  }
  double norm = 0;
  for (uint64_t k = 1; k <= n; ++k) norm += expected[k] = std::pow(k, -s);
  double statistic = 0;
  for (uint64_t k = 1; k <= n; ++k) {
    const double mean = kDraws * expected[k] / norm;
    statistic += (counts[k] - mean) * (counts[k] - mean) / mean;
  }
  INFO("n " << n << " s " << s << " statistic " << statistic);
  // Its mean is n - 1 and its variance 2 (n - 1); five deviations.
  CHECK(statistic < n - 1 + 5 * std::sqrt(2.0 * n) + 1);
}

TEST_CASE("frequencies follow k^-s") {
  for (const double s : {0.0, 0.5, 1.0, 1.1, 2.0})
    for (const uint64_t n : {1, 2, 3, 10, 100}) CheckFrequencies(n, s);
}

TEST_CASE("a range of 2^40 values") {
  const ZipfDistribution zipf(uint64_t{1} << 40, 1.2);
  Random random(1);
  for (int i = 0; i < 1000; ++i) {
    const uint64_t k = zipf.Draw(random);
    REQUIRE(k >= 1);
    REQUIRE(k <= uint64_t{1} << 40);
  }
}

}  // namespace
}  // namespace paramd
