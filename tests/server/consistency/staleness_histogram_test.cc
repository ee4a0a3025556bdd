#include "server/consistency/staleness_histogram.h"

#include <catch2/catch.hpp>

namespace paramd {
namespace {

using Counts = std::vector<uint64_t>;

TEST_CASE("buckets begin at 0, 1, 2, 4, 8") {
  StalenessHistogram histogram;
  CHECK(histogram.Counts().empty());
  for (const uint64_t steps : {0, 0, 1, 2, 3, 4, 7, 8}) histogram.Add(steps);
  CHECK(histogram.Counts() == Counts{2, 1, 2, 2, 1});
}

TEST_CASE("the last bucket is open") {
  StalenessHistogram histogram;
  histogram.Add(uint64_t{1} << 30);
  histogram.Add(UINT64_MAX);
  const Counts counts = histogram.Counts();
  REQUIRE(counts.size() == 32);
  CHECK(counts.back() == 2);
}

}  // namespace
}  // namespace paramd
