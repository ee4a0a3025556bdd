#include "server/table/sorted_sum.h"

#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "common/base/random.h"

namespace paramd {
namespace {

WeightedPush Push(double weight, std::vector<uint64_t> keys, std::vector<float> gradients) {
  return {.weight = weight,
          .push = {.count = keys.size(), .keys = keys, .gradients = std::move(gradients)}};
}

TEST_CASE("gradients of a key are added up") {
  const std::vector<WeightedPush> pushes = {Push(0.5, {3, 9}, {1, 2, 3, 4}), Push(1, {}, {}),
                                            Push(2, {1, 9}, {5, 6, 7, 8})};
  const SortedSum sum = SumByKey(pushes, 2);
  CHECK(sum.keys == std::vector<uint64_t>{1, 3, 9});
  CHECK(sum.gradients == std::vector<float>{10, 12, 0.5f, 1, 15.5f, 18});
  CHECK(SumByKey({}, 2).keys.empty());
}

TEST_CASE("sums are those of a map, formed in the order of the pushes, to the bit") {
  Random random(5);
  for (int round = 0; round < 30; ++round) {
    std::vector<WeightedPush> pushes;
    std::map<uint64_t, double> expected;
    for (uint64_t i = 0; i < 1 + random.NextBelow(9); ++i) {
      std::set<uint64_t> chosen;
      for (int j = 0; j < 40; ++j) chosen.insert(random.NextBelow(100));
      std::vector<float> gradients;
      const double weight = random.NextUnit();
      for (const uint64_t key : chosen) {
        gradients.push_back(static_cast<float>((random.NextUnit() - 0.5) * 1e8));
        expected[key] += weight * gradients.back();
      }
      pushes.push_back(Push(weight, {chosen.begin(), chosen.end()}, gradients));
    }
    const SortedSum sum = SumByKey(pushes, 1);
    REQUIRE(sum.keys.size() == expected.size());
    size_t i = 0;
    for (const auto& [key, total] : expected) {
      REQUIRE(sum.keys[i] == key);
      REQUIRE(sum.gradients[i] == static_cast<float>(total));
      ++i;
    }
  }
}

}  // namespace
}  // namespace paramd
