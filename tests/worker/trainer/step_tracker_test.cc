#include "worker/trainer/step_tracker.h"

#include <catch2/catch.hpp>
#include <memory>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "common/base/thread.h"
#include "tests/testing/count_allocations.h"

namespace paramd {
namespace {

v1::WorkDone DoneOf(uint64_t lease) {
  v1::WorkDone done;
  done.set_lease(lease);
  done.set_records(5);
  return done;
}

TEST_CASE("a partition is done when it is read and its batches are acknowledged, in any order") {
  std::vector<v1::WorkDone> done;
  const auto tracker =
      std::make_shared<StepTracker>([&](v1::WorkDone d) { done.push_back(std::move(d)); });
  const auto step = [&](uint64_t lease, double loss) {
    tracker->Push(lease, loss)->Answered(absl::OkStatus());
  };
  SECTION("the end is read last") {
    tracker->Read(1);
    step(1, 0.75);
    CHECK(done.empty());
    tracker->Close(DoneOf(1));
  }
  SECTION("the end is read before the last batch is pushed") {
    tracker->Read(1);
    tracker->Read(1);
    step(1, 0.5);
    tracker->Close(DoneOf(1));
    CHECK(done.empty());
    step(1, 0.25);
  }
  REQUIRE(done.size() == 1);
  CHECK(done[0].lease() == 1);
  CHECK(done[0].loss_sum() == 0.75);
  tracker->Close(DoneOf(3));  // a partition without records
  CHECK(done.size() == 2);
}

TEST_CASE("partitions follow one another without waiting") {
  std::vector<v1::WorkDone> done;
  const auto tracker =
      std::make_shared<StepTracker>([&](v1::WorkDone d) { done.push_back(std::move(d)); });
  tracker->Read(1);
  const auto first = tracker->Push(1, 1);
  tracker->Close(DoneOf(1));
  tracker->Read(2);
  tracker->Push(2, 1)->Answered(absl::OkStatus());
  CHECK(done.empty());
  first->Answered(absl::OkStatus());
  tracker->Close(DoneOf(2));
  CHECK(done.size() == 2);
}

TEST_CASE("a push that failed leaves its partition undone and is told to whoever waits") {
  std::vector<v1::WorkDone> done;
  const auto tracker =
      std::make_shared<StepTracker>([&](v1::WorkDone d) { done.push_back(std::move(d)); });
  tracker->Read(1);
  const auto push = tracker->Push(1, 0);
  tracker->Close(DoneOf(1));
  push->Answered(absl::InvalidArgumentError("nan"));
  CHECK(done.empty());
  CHECK(tracker->MayGoOn(0));
  CHECK(tracker->status().code() == absl::StatusCode::kInvalidArgument);
}

TEST_CASE("a partition is not done while something of its batches is kept back") {
  std::vector<v1::WorkDone> done;
  const auto tracker =
      std::make_shared<StepTracker>([&](v1::WorkDone d) { done.push_back(std::move(d)); });
  tracker->Read(1);
  tracker->Read(1);
  const auto first = tracker->Push(1, 0.5), second = tracker->Push(1, 0.25);
  tracker->Close(DoneOf(1));
  tracker->Answered(absl::OkStatus());
  tracker->Answered(absl::OkStatus());
  CHECK(tracker->MayGoOn(0));
  CHECK(done.empty());
  tracker->Push();  // what was kept back
  CHECK_FALSE(tracker->MayGoOn(0));
  first->Finished(absl::OkStatus());
  CHECK(done.empty());
  second->Finished(absl::OkStatus());
  CHECK_FALSE(tracker->MayGoOn(0));
  tracker->Answered(absl::OkStatus());
  CHECK(tracker->MayGoOn(0));
  REQUIRE(done.size() == 1);
  CHECK(done[0].loss_sum() == 0.75);
}

TEST_CASE("what was kept back of a partition and did not arrive leaves it undone") {
  std::vector<v1::WorkDone> done;
  const auto tracker =
      std::make_shared<StepTracker>([&](v1::WorkDone d) { done.push_back(std::move(d)); });
  tracker->Read(1);
  const auto batch = tracker->Push(1, 0);
  tracker->Close(DoneOf(1));
  tracker->Answered(absl::OkStatus());
  tracker->Push();
  batch->Finished(absl::InvalidArgumentError("nan"));
  tracker->Answered(absl::InvalidArgumentError("nan"));
  CHECK(done.empty());
  CHECK_FALSE(tracker->status().ok());
}

TEST_CASE("waiting for the window") {
  const auto tracker = std::make_shared<StepTracker>([](const v1::WorkDone&) {});
  const auto push = tracker->Push(1, 0);
  tracker->Push(1, 0);
  CHECK(tracker->MayGoOn(2));
  CHECK_FALSE(tracker->MayGoOn(1));
  Thread acknowledge("ack", [&] { push->Answered(absl::OkStatus()); });
  acknowledge.Join();
  CHECK(tracker->MayGoOn(1));
  CHECK(tracker->status().ok());
}

TEST_CASE(
    "a push and its answer allocate nothing, also outlive the trainer's hold on the tracker") {
  auto tracker = std::make_shared<StepTracker>([](const v1::WorkDone&) {});
  tracker->Read(1);
  tracker->Read(1);
  const size_t before = Allocations();
  absl::AnyInvocable<void(absl::Status)> done =
      [lease = tracker->Push(1, 0)](const absl::Status& status) { lease->Answered(status); };
  done(absl::OkStatus());
  done = [lease = tracker->Push(1, 0)](const absl::Status& status) { lease->Answered(status); };
  CHECK(Allocations() == before);
  tracker = nullptr;
  done(absl::OkStatus());
}

}  // namespace
}  // namespace paramd
