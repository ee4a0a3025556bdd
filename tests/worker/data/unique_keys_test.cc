#include "worker/data/unique_keys.h"

#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "common/base/random.h"

namespace paramd {
namespace {

void CheckAgainstSet(const std::vector<uint64_t>& keys) {
  std::vector<uint64_t> unique;
  std::vector<uint32_t> index;
  KeyUniquer uniquer;
  uniquer.Run(keys, &unique, &index);
  const std::set<uint64_t> expected(keys.begin(), keys.end());
  REQUIRE(unique == std::vector<uint64_t>(expected.begin(), expected.end()));
  REQUIRE(index.size() == keys.size());
  for (size_t i = 0; i < keys.size(); ++i) REQUIRE(unique[index[i]] == keys[i]);
}

TEST_CASE("no keys") { CheckAgainstSet({}); }

TEST_CASE("few keys") { CheckAgainstSet({5, 3, 5, ~uint64_t{0}, 0, 3}); }

TEST_CASE("many keys of one byte, of four, and of all eight") {
  Random random(1);
  for (const uint64_t mask : {uint64_t{0xff}, uint64_t{0xffff0000ffff}, ~uint64_t{0}}) {
    std::vector<uint64_t> keys;
    for (int i = 0; i < 10000; ++i) keys.push_back(random.Next() & mask);
    CheckAgainstSet(keys);
  }
}

TEST_CASE("keys close together, and far apart, at either end of the range") {
  Random random(2);
  for (const size_t count : {1, 2, 63, 64, 65, 255, 256, 257, 5000}) {
    for (const uint64_t range : {uint64_t{1}, uint64_t{64}, 4 * 64 * count - 1, 4 * 64 * count,
                                 uint64_t{1} << 40, ~uint64_t{0}}) {
      for (const uint64_t first : {uint64_t{0}, uint64_t{77}, ~uint64_t{0} - (range - 1)}) {
        std::vector<uint64_t> keys;
        // Both limits are among them.
        for (size_t i = 0; i < count; ++i) keys.push_back(first + random.NextBelow(range));
        keys.back() = first + range - 1;
        keys.front() = first;
        CheckAgainstSet(keys);
      }
    }
  }
}

TEST_CASE("many times the same key") { CheckAgainstSet(std::vector<uint64_t>(1000, 77)); }

TEST_CASE("scratch memory does not leak from one call into the next") {
  KeyUniquer uniquer;
  std::vector<uint64_t> unique;
  std::vector<uint32_t> index;
  uniquer.Run(std::vector<uint64_t>(1000, 3), &unique, &index);
  uniquer.Run({9, 8}, &unique, &index);
  CHECK(unique == std::vector<uint64_t>{8, 9});
  CHECK(index == std::vector<uint32_t>{1, 0});
}

}  // namespace
}  // namespace paramd
