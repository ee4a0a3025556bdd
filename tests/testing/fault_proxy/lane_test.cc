#include "tests/testing/fault_proxy/lane.h"

#include <catch2/catch.hpp>
#include <string>

#include "tests/testing/fault_proxy/flow.h"

namespace paramd {
namespace {

constexpr absl::Duration kNow = absl::Seconds(100);

}  // namespace

TEST_CASE("delays are spread over delay +- jitter, the same for the same seed") {
  Lane lane(1, 0), same(1, 0), other(2, 0);
  for (Lane* each : {&lane, &same, &other}) {
    each->rules().delay = absl::Milliseconds(200);
    each->rules().jitter = absl::Milliseconds(100);
  }
  int early = 0, differ = 0;
  for (int i = 0; i < 1000; ++i) {
    const absl::Duration due = lane.Due(kNow);
    CHECK(due >= kNow + absl::Milliseconds(100));
    CHECK(due <= kNow + absl::Milliseconds(300));
    CHECK(due == same.Due(kNow));
    if (due != other.Due(kNow)) ++differ;
    if (due < kNow + absl::Milliseconds(150)) ++early;
  }
  // A quarter of them; the standard deviation of the count is 14.
  CHECK(early > 180);
  CHECK(early < 320);
  CHECK(differ > 900);
}

TEST_CASE("a jitter larger than the delay does not lead into the past") {
  Lane lane(1, 0);
  lane.rules().jitter = absl::Seconds(1);
  for (int i = 0; i < 100; ++i) CHECK(lane.Due(kNow) >= kNow);
}

TEST_CASE("a throttle lets so much through in any time, and little at once") {
  Lane lane(1, 0);
  lane.rules().bytes_per_second = 1000;
  // 20 ms of it have gathered.
  CHECK(lane.Allowed(1000, kNow) == 20);
  lane.Passed(20);
  CHECK(lane.Allowed(1000, kNow) == 0);
  uint64_t passed = 0;
  for (int ms = 1; ms <= 2000; ++ms) {
    const uint64_t allowed = lane.Allowed(1000, kNow + absl::Milliseconds(ms));
    lane.Passed(allowed);
    passed += allowed;
  }
  CHECK(passed >= 1999);
  CHECK(passed <= 2000);
}

TEST_CASE("a cut allows nothing") {
  Lane lane(1, 0);
  lane.rules().cut = true;
  CHECK(lane.Allowed(10, kNow) == 0);
  lane.rules().cut = false;
  CHECK(lane.Allowed(10, kNow) == 10);
}

TEST_CASE("so many bytes pass before the reset, which comes once") {
  Lane lane(1, 0);
  lane.rules().reset_after = 15;
  CHECK(lane.Allowed(10, kNow) == 10);
  CHECK(lane.Passed(10) == Lane::Fate::kPass);
  CHECK(lane.Allowed(10, kNow) == 5);
  CHECK(lane.Passed(5) == Lane::Fate::kReset);
  CHECK(lane.Allowed(10, kNow) == 10);
  CHECK(lane.Passed(10) == Lane::Fate::kPass);
  CHECK(lane.passed() == 25);
}

TEST_CASE("so many bytes are swallowed before the reset, which comes once") {
  Lane lane(1, 0);
  lane.rules().swallow = 15;
  CHECK(lane.Take(10) == Lane::Fate::kLost);
  CHECK(lane.Take(10) == Lane::Fate::kReset);
  CHECK(lane.Take(10) == Lane::Fate::kPass);
}

TEST_CASE("bytes leave in their order, when they are due") {
  Flow flow;
  CHECK(flow.due() == absl::InfiniteDuration());
  flow.Add("abc", kNow + absl::Milliseconds(10));
  flow.Add("de", kNow + absl::Milliseconds(5));  // not before those above
  CHECK(flow.Ready(kNow).empty());
  CHECK(flow.due() == kNow + absl::Milliseconds(10));
  const absl::Duration later = kNow + absl::Milliseconds(10);
  CHECK(flow.Ready(later) == "abc");
  flow.Remove(1);
  CHECK(flow.Ready(later) == "bc");
  flow.Remove(2);
  CHECK(flow.Ready(later) == "de");
  flow.Remove(2);
  CHECK(flow.empty());
}

TEST_CASE("a flow is full at 16 MiB") {
  Flow flow;
  flow.Add(std::string((16 << 20) - 1, 'x'), kNow);
  CHECK_FALSE(flow.full());
  flow.Add("x", kNow);
  CHECK(flow.full());
  flow.Remove(1);
  CHECK_FALSE(flow.full());
}

}  // namespace paramd
