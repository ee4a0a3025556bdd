#include "server/consistency/clock_tracker.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>

#include "common/base/random.h"

namespace paramd {
namespace {

TEST_CASE("the first client enters at 0, later ones at the slowest clock") {
  ClockTracker tracker;
  CHECK(tracker.MinClock() == 0);
  CHECK_FALSE(tracker.Slowest());
  CHECK(tracker.Attach(1) == 0);
  tracker.Advance(1, 5);
  CHECK(tracker.Attach(2) == 5);
  tracker.Advance(1, 9);
  CHECK(tracker.Attach(3) == 5);
  CHECK(tracker.Slowest()->client == 2);
  CHECK(tracker.Slowest()->clock == 5);
}

TEST_CASE("a client that trains already enters where it is") {
  ClockTracker tracker;
  CHECK(tracker.AttachAt(1, 57) == 57);
  CHECK(tracker.AttachAt(2, 55) == 55);
  CHECK(tracker.MinClock() == 55);
  CHECK(tracker.MaxClock() == 57);
  CHECK(tracker.AttachAt(2, 60) == 55);
  CHECK(tracker.Attach(3) == 55);
}

TEST_CASE("attaching again changes nothing") {
  ClockTracker tracker;
  tracker.Attach(1);
  tracker.Attach(2);
  tracker.Advance(1, 7);
  CHECK(tracker.Attach(1) == 7);
  CHECK(tracker.ClockOf(1) == 7);
  CHECK(tracker.MinClock() == 0);
}

TEST_CASE("clocks never go back") {
  ClockTracker tracker;
  tracker.Attach(1);
  tracker.Advance(1, 7);
  tracker.Advance(1, 3);
  CHECK(tracker.MinClock() == 7);
}

TEST_CASE("when nobody is attached the minimum is the horizon") {
  ClockTracker tracker;
  tracker.Attach(1);
  tracker.Attach(2);
  tracker.Advance(1, 9);
  tracker.Advance(2, 4);
  tracker.Detach(1);
  CHECK(tracker.MinClock() == 4);
  tracker.Detach(2);
  CHECK(tracker.MinClock() == 9);
  CHECK(tracker.Attach(3) == 9);
}

TEST_CASE("unknown clients are ignored") {
  ClockTracker tracker;
  tracker.Advance(4, 10);
  tracker.Detach(4);
  CHECK_FALSE(tracker.ClockOf(4));
  CHECK(tracker.MinClock() == 0);
}

TEST_CASE("RetainOnly detaches everybody else") {
  ClockTracker tracker;
  for (uint32_t client = 0; client < 5; ++client) tracker.Attach(client);
  tracker.Advance(3, 2);
  tracker.RetainOnly({3, 17});
  CHECK(tracker.MinClock() == 2);
  CHECK(tracker.Slowest()->client == 3);
  CHECK_FALSE(tracker.ClockOf(17));
}

TEST_CASE("whatever happens, the minimum is right and never goes back") {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    ClockTracker tracker;
    std::map<uint32_t, uint64_t> model;
    Random random(seed);
    uint64_t before = 0;
    for (int i = 0; i < 400; ++i) {
      const auto client = static_cast<uint32_t>(random.NextBelow(6));
      switch (random.NextBelow(4)) {
        case 0:
          model.try_emplace(client, tracker.MinClock());
          CHECK(tracker.Attach(client) == model[client]);
          break;
        case 1:
        case 2:
          if (model.contains(client)) {
            const uint64_t clock = model[client] + random.NextBelow(4);
            tracker.Advance(client, clock);
            model[client] = clock;
          }
          break;
        default:
          tracker.Detach(client);
          model.erase(client);
      }
      if (!model.empty()) {
        uint64_t smallest = UINT64_MAX;
        for (const auto& [id, clock] : model) smallest = std::min(smallest, clock);
        REQUIRE(tracker.MinClock() == smallest);
        uint64_t largest = 0;
        for (const auto& [id, clock] : model) largest = std::max(largest, clock);
        REQUIRE(tracker.MaxClock() == largest);
      }
      REQUIRE(tracker.MinClock() >= before);
      before = tracker.MinClock();
    }
  }
}

}  // namespace
}  // namespace paramd
