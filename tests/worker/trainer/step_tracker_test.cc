#include "worker/trainer/step_tracker.h"

#include <catch2/catch.hpp>
#include <vector>

#include "common/base/thread.h"

namespace paramd {
namespace {

v1::WorkDone DoneOf(uint64_t lease) {
  v1::WorkDone done;
  done.set_lease(lease);
  done.set_records(5);
  return done;
}

TEST_CASE("a partition is done when it is read and its pushes are acknowledged, in either order") {
  std::vector<v1::WorkDone> done;
  StepTracker tracker([&](v1::WorkDone d) { done.push_back(std::move(d)); });
  tracker.Begin(1, 0.5);
  tracker.Begin(1, 0.25);
  tracker.End(1, absl::OkStatus());
  tracker.Close(DoneOf(1));
  CHECK(done.empty());
  tracker.Begin(2, 1);
  tracker.End(1, absl::OkStatus());
  REQUIRE(done.size() == 1);
  CHECK(done[0].lease() == 1);
  CHECK(done[0].loss_sum() == 0.75);
  tracker.End(2, absl::OkStatus());
  tracker.Close(DoneOf(2));
  REQUIRE(done.size() == 2);
  CHECK(done[1].lease() == 2);
  tracker.Close(DoneOf(3));  // a partition without records
  CHECK(done.size() == 3);
}

TEST_CASE("a push that failed leaves its partition undone and is told to whoever waits") {
  std::vector<v1::WorkDone> done;
  StepTracker tracker([&](v1::WorkDone d) { done.push_back(std::move(d)); });
  tracker.Begin(1, 0);
  tracker.Close(DoneOf(1));
  tracker.End(1, absl::InvalidArgumentError("nan"));
  CHECK(done.empty());
  CHECK(tracker.WaitUntilOpen(0).code() == absl::StatusCode::kInvalidArgument);
}

TEST_CASE("waiting for the window") {
  StepTracker tracker([](const v1::WorkDone&) {});
  tracker.Begin(1, 0);
  tracker.Begin(1, 0);
  CHECK(tracker.WaitUntilOpen(2).ok());
  Thread acknowledge("ack", [&] { tracker.End(1, absl::OkStatus()); });
  CHECK(tracker.WaitUntilOpen(1).ok());
}

}  // namespace
}  // namespace paramd
