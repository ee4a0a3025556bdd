#include "common/math/all_finite.h"

#include <catch2/catch.hpp>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "hwy/targets.h"

namespace paramd {
namespace {

using Limits = std::numeric_limits<float>;

TEST_CASE("one value that is not finite is found wherever it is, at any alignment") {
  const std::vector<int64_t> targets = hwy::SupportedAndGeneratedTargets();
  REQUIRE_FALSE(targets.empty());
  for (const int64_t target : targets) {
    hwy::SetSupportedTargetsForTest(target);
    CAPTURE(hwy::TargetName(target));
    for (size_t size = 0; size < 70; ++size) {
      std::vector<uint8_t> bytes(size * sizeof(float) + 3);
      uint8_t* const data = bytes.data() + size % 4;
      const auto set = [&](size_t i, float value) {
        std::memcpy(data + i * sizeof(value), &value, sizeof(value));
      };
      for (size_t i = 0; i < size; ++i) set(i, i % 2 == 0 ? Limits::max() : -Limits::denorm_min());
      REQUIRE(AllFinite(data, size));
      for (size_t i = 0; i < size; ++i) {
        for (const float bad : {Limits::infinity(), -Limits::infinity(), Limits::quiet_NaN(),
                                -Limits::quiet_NaN(), Limits::signaling_NaN()}) {
          set(i, bad);
          REQUIRE_FALSE(AllFinite(data, size));
        }
        set(i, -Limits::max());
      }
    }
  }
  hwy::SetSupportedTargetsForTest(0);
}

}  // namespace
}  // namespace paramd
