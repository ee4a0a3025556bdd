#include "server/table/count_min_sketch.h"

#include <catch2/catch.hpp>
#include <map>

#include "common/base/random.h"

namespace paramd {
namespace {

TEST_CASE("an estimate is never below the truth while nothing is halved") {
  CountMinSketch sketch(64 << 10);
  REQUIRE(sketch.width() == 8192);
  CHECK(sketch.bytes() <= 64 << 10);
  Random random(1);
  std::map<uint64_t, uint32_t> truth;
  size_t exact = 0;
  for (size_t i = 0; i < sketch.width() / 2; ++i) {
    const uint64_t hash = Mix64(random.NextBelow(2000));
    const uint32_t estimate = sketch.Add(hash);
    CHECK(estimate >= ++truth[hash]);
    exact += estimate == truth[hash];
  }
  CHECK(exact >= sketch.width() / 2 * 99 / 100);
}

TEST_CASE("few of the hashes that never came before seem to have, however long the stream") {
  CountMinSketch sketch(16 << 10);
  const size_t kHashes = 100 * sketch.width();
  size_t wrong = 0;
  for (uint64_t i = 0; i < kHashes; ++i) wrong += sketch.Add(Mix64(i)) > 1;
  CHECK(wrong < kHashes / 100);
}

TEST_CASE("counts are halved after half a width of occurrences") {
  CountMinSketch sketch(0);
  REQUIRE(sketch.width() == 16);
  uint32_t estimate = 0;
  for (int i = 0; i < 8; ++i) estimate = sketch.Add(7);
  CHECK(estimate == 8);
  CHECK(sketch.Add(7) == 5);
}

TEST_CASE("counts end at the largest one") {
  CountMinSketch sketch(4 << 20);
  uint32_t estimate = 0;
  for (uint32_t i = 0; i < sketch.width() / 2; ++i) estimate = sketch.Add(7);
  CHECK(estimate == CountMinSketch::kMaxCount);
}

}  // namespace
}  // namespace paramd
