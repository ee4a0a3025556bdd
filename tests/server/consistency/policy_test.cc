#include "server/consistency/policy.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>
#include <vector>

namespace paramd {
namespace {

v1::Consistency Make(v1::Consistency::Mode mode, uint32_t staleness = 0) {
  v1::Consistency consistency;
  consistency.set_mode(mode);
  consistency.mutable_staleness()->set_steps(staleness);
  return consistency;
}

TEST_CASE("asp never waits") { CHECK(PullMayProceed(Make(v1::Consistency::ASP), UINT64_MAX, 0)); }

TEST_CASE("ssp waits for clients more than the staleness behind") {
  const v1::Consistency ssp = Make(v1::Consistency::SSP, 4);
  CHECK(PullMayProceed(ssp, 4, 0));
  CHECK_FALSE(PullMayProceed(ssp, 5, 0));
  CHECK(PullMayProceed(ssp, 5, 1));
  CHECK(PullMayProceed(ssp, UINT64_MAX, UINT64_MAX));
  CHECK_FALSE(PullMayProceed(ssp, UINT64_MAX, 0));
}

TEST_CASE("bsp waits for everybody") {
  const v1::Consistency bsp = Make(v1::Consistency::BSP, 4);
  CHECK(PullMayProceed(bsp, 3, 3));
  CHECK_FALSE(PullMayProceed(bsp, 4, 3));
}

// Every interleaving of `clients` clients that pull and finish `steps` steps each: clocks[i] is the
// number of steps that client i has finished, working[i] whether its pull was answered.
struct World {
  std::vector<uint64_t> clocks;
  std::vector<bool> working;
  friend auto operator<=>(const World&, const World&) = default;
};

void Explore(const World& world, const v1::Consistency& consistency, uint64_t steps,
             uint64_t ahead_allowed, std::set<World>& seen) {
  if (!seen.insert(world).second) return;
  const uint64_t slowest = *std::min_element(world.clocks.begin(), world.clocks.end());
  bool moved = false, done = true;
  for (size_t i = 0; i < world.clocks.size(); ++i) {
    if (world.clocks[i] == steps) continue;
    done = false;
    World next = world;
    if (world.working[i]) {
      next.working[i] = false;
      ++next.clocks[i];
    } else if (PullMayProceed(consistency, world.clocks[i], slowest)) {
      REQUIRE(world.clocks[i] - slowest <= ahead_allowed);
      next.working[i] = true;
    } else {
      REQUIRE(world.clocks[i] > slowest);  // the slowest never waits
      continue;
    }
    moved = true;
    Explore(next, consistency, steps, ahead_allowed, seen);
  }
  REQUIRE((moved || done));  // no deadlock
}

TEST_CASE("in every interleaving nobody runs too far ahead and nobody waits for ever") {
  for (size_t clients = 1; clients <= 3; ++clients) {
    const World start{.clocks = std::vector<uint64_t>(clients),
                      .working = std::vector<bool>(clients)};
    for (uint32_t staleness = 0; staleness <= 3; ++staleness) {
      std::set<World> seen;
      Explore(start, Make(v1::Consistency::SSP, staleness), 6, staleness, seen);
      uint64_t widest = 0;
      for (const World& world : seen) {
        const auto [low, high] = std::minmax_element(world.clocks.begin(), world.clocks.end());
        widest = std::max(widest, *high - *low);
      }
      if (clients > 1) CHECK(widest == staleness + 1);  // the bound is used, and one step finished
    }
    std::set<World> seen;
    Explore(start, Make(v1::Consistency::BSP), 6, 0, seen);
  }
}

TEST_CASE("a change holds from its clock on") {
  v1::TableSpec spec;
  *spec.mutable_consistency() = Make(v1::Consistency::SSP, 4);
  CHECK(ConsistencyAt(spec, 0).staleness().steps() == 4);
  *spec.mutable_consistency_before() = Make(v1::Consistency::ASP);
  spec.set_consistency_from(10);
  CHECK(ConsistencyAt(spec, 9).mode() == v1::Consistency::ASP);
  CHECK(ConsistencyAt(spec, 10).mode() == v1::Consistency::SSP);
}

}  // namespace
}  // namespace paramd
