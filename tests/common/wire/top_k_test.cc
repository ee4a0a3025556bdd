#include "common/wire/top_k.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "common/base/random.h"

namespace paramd {
namespace {

using Positions = std::vector<uint32_t>;

Positions Select(TopKSelector* selector, const std::vector<float>& values, size_t k) {
  const auto positions = selector->Select(values, k);
  return {positions.begin(), positions.end()};
}

// By a stable sort of all.
Positions Reference(const std::vector<float>& values, size_t k) {
  Positions order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return std::fabs(values[a]) > std::fabs(values[b]);
  });
  order.resize(k);
  std::sort(order.begin(), order.end());
  return order;
}

TEST_CASE("the largest values are selected, of equal ones the first") {
  Random random(1);
  TopKSelector selector;
  for (const size_t size : {1, 2, 10, 257, 3000}) {
    // From all different to hardly any different.
    for (const double kinds : {1e9, 50.0, 2.0, 1.0}) {
      std::vector<float> values(size);
      for (float& value : values) {
        const double steps = std::floor(random.NextUnit() * kinds) + (kinds > 2);
        value = static_cast<float>(steps * (random.Next() % 2 == 0 ? 1 : -1));
        if (kinds == 1e9) value *= std::ldexp(1.0f, static_cast<int>(random.NextBelow(200)) - 150);
      }
      for (const size_t k : {size_t{0}, size_t{1}, size / 10, size / 2, size - 1, size}) {
        REQUIRE(Select(&selector, values, k) == Reference(values, k));
      }
    }
  }
}

TEST_CASE("what is not finite is never left out") {
  TopKSelector selector;
  const float infinity = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(Select(&selector, {3e38f, -infinity, 1, nan, 2}, 1) == Positions{3});
  CHECK(Select(&selector, {3e38f, -infinity, 1, -nan, 2}, 2) == Positions{1, 3});
}

TEST_CASE("zeros count too") {
  TopKSelector selector;
  CHECK(Select(&selector, {0, -0.0f, 0, 1e-45f}, 3) == Positions{0, 1, 3});
}

}  // namespace
}  // namespace paramd
