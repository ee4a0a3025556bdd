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
  uint64_t number = 0;
  const auto step = [&](uint64_t lease, double loss) {
    tracker->Push(lease, number, 10 + number, loss)->Answered(absl::OkStatus());
    ++number;
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
  CHECK(done[0].position().batches() == number);
  CHECK(done[0].position().clock() == 10 + number);
  tracker->Close(DoneOf(3));  // a partition without records
  REQUIRE(done.size() == 2);
  CHECK_FALSE(done[1].has_position());
}

TEST_CASE("partitions follow one another without waiting") {
  std::vector<v1::WorkDone> done;
  const auto tracker =
      std::make_shared<StepTracker>([&](v1::WorkDone d) { done.push_back(std::move(d)); });
  tracker->Read(1);
  const auto first = tracker->Push(1, 0, 0, 1);
  tracker->Close(DoneOf(1));
  tracker->Read(2);
  tracker->Push(2, 0, 1, 1)->Answered(absl::OkStatus());
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
  const auto push = tracker->Push(1, 0, 0, 0);
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
  const auto first = tracker->Push(1, 0, 0, 0.5), second = tracker->Push(1, 1, 1, 0.25);
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
  const auto batch = tracker->Push(1, 0, 0, 0);
  tracker->Close(DoneOf(1));
  tracker->Answered(absl::OkStatus());
  tracker->Push();
  batch->Finished(absl::InvalidArgumentError("nan"));
  tracker->Answered(absl::InvalidArgumentError("nan"));
  CHECK(done.empty());
  CHECK_FALSE(tracker->status().ok());
}

TEST_CASE("a partition is as far as its first batch that is not acknowledged") {
  const auto tracker = std::make_shared<StepTracker>([](const v1::WorkDone&) {});
  const auto position = [&] {
    v1::WorkerReport report;
    tracker->AddPositions(&report);
    REQUIRE(report.positions_size() == 1);
    CHECK(report.positions(0).lease() == 7);
    return std::make_pair(report.positions(0).batches(), report.positions(0).clock());
  };
  for (int i = 0; i < 3; ++i) tracker->Read(7);
  v1::WorkerReport report;
  tracker->AddPositions(&report);
  CHECK(report.positions().empty());
  const auto first = tracker->Push(7, 4, 20, 0), second = tracker->Push(7, 5, 21, 0);
  CHECK(position() == std::make_pair(uint64_t{4}, uint64_t{20}));
  second->Answered(absl::OkStatus());
  CHECK(position() == std::make_pair(uint64_t{4}, uint64_t{20}));
  first->Answered(absl::OkStatus());
  CHECK(position() == std::make_pair(uint64_t{6}, uint64_t{22}));
  const auto third = tracker->Push(7, 6, 22, 0);
  CHECK(position() == std::make_pair(uint64_t{6}, uint64_t{22}));
  third->Answered(absl::OkStatus());
  CHECK(position() == std::make_pair(uint64_t{7}, uint64_t{23}));
}

TEST_CASE("waiting for the window") {
  const auto tracker = std::make_shared<StepTracker>([](const v1::WorkDone&) {});
  tracker->Read(1);
  tracker->Read(1);
  const auto push = tracker->Push(1, 0, 0, 0);
  tracker->Push(1, 1, 1, 0);
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
      [batch = tracker->Push(1, 0, 0, 0)](const absl::Status& status) { batch->Answered(status); };
  done(absl::OkStatus());
  done = [batch = tracker->Push(1, 1, 1, 0)](const absl::Status& status) {
    batch->Answered(status);
  };
  CHECK(Allocations() == before);
  tracker = nullptr;
  done(absl::OkStatus());
}

}  // namespace
}  // namespace paramd
