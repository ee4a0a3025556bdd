#include "worker/trainer/clip_norm.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <vector>

namespace paramd {
namespace {

std::vector<float> Clipped(double limit, std::vector<float> gradient) {
  ClipNorm(limit, absl::MakeSpan(gradient));
  return gradient;
}

TEST_CASE("a gradient keeps its direction, and its norm where that is small enough") {
  CHECK(Clipped(5, {3, -4}) == std::vector<float>{3, -4});
  CHECK(Clipped(6, {3, -4}) == std::vector<float>{3, -4});
  CHECK(Clipped(2.5, {3, -4}) == std::vector<float>{1.5f, -2});
  CHECK(Clipped(1e-30, {0, 0}) == std::vector<float>{0, 0});
  CHECK(Clipped(1, {}).empty());
}

TEST_CASE("squares that no float32 holds") {
  constexpr float kLargest = std::numeric_limits<float>::max();
  for (const float value : Clipped(2, {kLargest, -kLargest, kLargest, kLargest})) {
    CHECK(std::fabs(value) == Approx(1));
  }
  CHECK(Clipped(1e-30, {1e-29f})[0] == Approx(1e-30f));
}

TEST_CASE("what is not finite is left for the server to refuse") {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const std::vector<float> clipped = Clipped(1, {1, bad});
    CHECK_FALSE(std::isfinite(clipped[1]));
  }
}

}  // namespace
}  // namespace paramd
