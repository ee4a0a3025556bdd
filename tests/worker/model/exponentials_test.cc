#include "worker/model/exponentials.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "common/base/random.h"

namespace paramd {
namespace {

constexpr double kBound = 5e-11;
constexpr double kHalfFloat = 0x1p-24;  // rounding of a float

// Numbers from -708 to 0, more of them near 0, in an amount that no vector divides.
std::vector<double> Negatives() {
  Random random(1);
  std::vector<double> x = {0, -708, -0.34657359, -0.34657360, -1e-300};
  for (int i = 0; i < 100000; ++i) x.push_back(-708 * std::pow(random.NextUnit(), 4));
  for (int i = 0; i < 1002; ++i) x.push_back(-0.001 * i);
  return x;
}

// From -100 to 100, and what is special.
std::vector<float> Scores() {
  Random random(2);
  std::vector<float> z = {0, -0.0f, 1e4f, -1e4f, 1e-30f, -88, 88, 3.4e38f, -3.4e38f};
  for (int i = 0; i < 100000; ++i) {
    z.push_back(static_cast<float>(200 * std::pow(random.NextUnit() - 0.5, 3) * 4));
  }
  return z;
}

TEST_CASE("e^x is within its bound") {
  const std::vector<double> x = Negatives();
  std::vector<double> y = x;
  ExpOfNegatives(absl::MakeSpan(y));
  double largest = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    largest = std::max(largest, std::abs(y[i] / std::exp(x[i]) - 1));
  }
  CHECK(largest < kBound);
  CHECK(y[0] == 1);
}

TEST_CASE("e^x far below 0, and of NaN") {
  std::vector<double> y = {-708.5, -1e4, -1e300, -std::numeric_limits<double>::infinity(),
                           std::numeric_limits<double>::quiet_NaN()};
  ExpOfNegatives(absl::MakeSpan(y));
  for (int i = 0; i < 4; ++i) CHECK(y[i] == 0);
  CHECK(std::isnan(y[4]));
}

TEST_CASE("sigmoids are within their bound") {
  const std::vector<float> z = Scores();
  std::vector<float> p = z;
  Sigmoids(absl::MakeSpan(p));
  double largest = 0;
  for (size_t i = 0; i < z.size(); ++i) {
    const double e = std::exp(-std::abs(static_cast<double>(z[i])));
    const double expected = z[i] < 0 ? e / (1 + e) : 1 / (1 + e);
    // Below the normal floats there are fewer bits.
    const double error = std::abs(p[i] - expected) - std::numeric_limits<float>::denorm_min();
    largest = std::max(largest, error / std::max(expected, 1e-45));
  }
  CHECK(largest < kBound + kHalfFloat);
}

TEST_CASE("the logistic loss and its derivative are within their bounds") {
  const std::vector<float> z = Scores();
  for (const float label : {1.0f, 0.0f, -1.0f}) {
    std::vector<float> d = z;
    std::vector<double> losses(z.size());
    DifferentiateLogistic(std::vector<float>(z.size(), label), absl::MakeSpan(d),
                          absl::MakeSpan(losses));
    double largest_loss = 0, largest_derivative = 0;
    for (size_t i = 0; i < z.size(); ++i) {
      const double s = label > 0 ? 1 : -1;
      const double margin = s * z[i];
      const double e = std::exp(-std::abs(margin));
      const double loss = std::log1p(e) + std::max(-margin, 0.0);
      const double derivative = -s * (margin < 0 ? 1 : e) / (1 + e);
      if (loss > 1e-300) {
        largest_loss = std::max(largest_loss, std::abs(losses[i] / loss - 1));
      } else {
        CHECK(losses[i] <= 1e-300);
      }
      const double error = std::abs(d[i] - derivative) - std::numeric_limits<float>::denorm_min();
      largest_derivative = std::max(largest_derivative, error / std::abs(derivative + s * 1e-45));
    }
    CHECK(largest_loss < kBound);
    CHECK(largest_derivative < kBound + kHalfFloat);
  }
}

TEST_CASE("a score that is NaN has a loss and a derivative that are NaN") {
  std::vector<float> z = {1, std::nanf(""), 2}, p = z;
  std::vector<double> losses(3);
  DifferentiateLogistic({1, 1, 0}, absl::MakeSpan(z), absl::MakeSpan(losses));
  Sigmoids(absl::MakeSpan(p));
  CHECK(std::isnan(z[1]));
  CHECK(std::isnan(losses[1]));
  CHECK(std::isnan(p[1]));
  CHECK_FALSE(std::isnan(losses[0] + losses[2] + z[0] + z[2] + p[0] + p[2]));
}

TEST_CASE("the results do not depend on how a batch is divided into calls") {
  const std::vector<float> z = Scores();
  std::vector<float> whole = z, single = z;
  Sigmoids(absl::MakeSpan(whole));
  for (float& x : single) Sigmoids(absl::MakeSpan(&x, 1));
  CHECK(whole == single);

  whole = z, single = z;
  const std::vector<float> labels(z.size(), 1);
  std::vector<double> losses(z.size());
  DifferentiateLogistic(labels, absl::MakeSpan(whole), absl::MakeSpan(losses));
  for (size_t i = 0; i < z.size(); ++i) {
    double loss;
    DifferentiateLogistic({1}, absl::MakeSpan(&single[i], 1), absl::MakeSpan(&loss, 1));
    REQUIRE(loss == losses[i]);
  }
  CHECK(whole == single);

  const std::vector<double> x = Negatives();
  std::vector<double> all = x, one = x;
  ExpOfNegatives(absl::MakeSpan(all));
  for (double& y : one) ExpOfNegatives(absl::MakeSpan(&y, 1));
  CHECK(all == one);
}

}  // namespace
}  // namespace paramd
