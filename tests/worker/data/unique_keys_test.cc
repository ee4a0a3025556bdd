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
