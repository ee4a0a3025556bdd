#include "common/math/gather.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <numeric>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "hwy/highway.h"
#include "hwy/targets.h"

namespace paramd {
namespace {

TEST_CASE("gather and scatter, by every instruction set, from any alignment") {
  Random random(3);
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    for (const size_t size : {0, 1, 3, 4, 7, 8, 15, 16, 17, 31, 33, 1000}) {
      std::vector<uint32_t> order(size);
      std::iota(order.begin(), order.end(), 0);
      for (size_t i = size; i > 1; --i) std::swap(order[i - 1], order[random.NextBelow(i)]);
      std::vector<float> values(size);
      for (float& value : values) value = static_cast<float>(random.NextUnit());

      std::vector<float> gathered(size + 1, -1);
      Gather(values.data(), order, gathered.data());
      for (size_t i = 0; i < size; ++i) REQUIRE(gathered[i] == values[order[i]]);
      CHECK(gathered[size] == -1);

      for (const size_t offset : {0, 1, 3}) {
        std::string bytes(offset + size * sizeof(float), '\0');
        if (size > 0) std::memcpy(bytes.data() + offset, gathered.data(), size * sizeof(float));
        std::vector<float> scattered(size + 1, -1);
        Scatter(bytes.data() + offset, order, scattered.data());
        CHECK(std::equal(values.begin(), values.end(), scattered.begin()));
        CHECK(scattered[size] == -1);
      }
    }
  }
  hwy::SetSupportedTargetsForTest(0);
}

}  // namespace
}  // namespace paramd
