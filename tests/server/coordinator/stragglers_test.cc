#include "server/coordinator/stragglers.h"

#include <catch2/catch.hpp>
#include <deque>
#include <set>
#include <vector>

namespace paramd {
namespace {

// Workers 1, 2, ... whose steps are of one example, and a server, with a heartbeat a second.
struct Reports {
  explicit Reports(size_t workers)
      : stragglers(
            Stragglers::Options{.factor = 2, .heartbeat = absl::Seconds(1), .batch_examples = 1}) {
    for (uint32_t id = 1; id <= workers; ++id) {
      Member& member = members.emplace_back();
      member.record.set_role(v1::WORKER);
      member.record.set_id(id);
      member.has_reported = true;
      training.insert(id);
    }
    members.emplace_back().record.set_role(v1::SHARD_HOST);
  }

  // `seconds` in which the workers do so many steps in each; `waiting` wait for `slowest`.
  void Run(int seconds, const std::vector<uint64_t>& steps,
           const std::vector<uint32_t>& waiting = {}, uint32_t slowest = 0) {
    v1::ServerReport& report = members.back().server_report;
    report.clear_waiting();
    for (const uint32_t id : waiting) {
      report.add_waiting()->set_client(id);
      report.mutable_waiting(report.waiting_size() - 1)->set_waits_for_client(slowest);
    }
    for (int i = 0; i < seconds; ++i) {
      now += absl::Seconds(1);
      for (size_t worker = 0; worker < steps.size(); ++worker) {
        v1::WorkerReport& its = members[worker].worker_report;
        its.set_examples(its.examples() + steps[worker]);
      }
      stragglers.Look(members, training, now);
    }
  }

  std::deque<Member> members;
  std::set<uint32_t> training;
  absl::Duration now = absl::Seconds(100);
  Stragglers stragglers;
};

TEST_CASE("who takes more than twice the median of the others is a straggler, until it does not") {
  Reports reports(4);
  reports.Run(20, {10, 9, 11, 4});
  CHECK(reports.stragglers.Why(4) == "its steps take 250ms, the median of the others is 100ms");
  for (const uint32_t id : {1, 2, 3}) CHECK(reports.stragglers.Why(id).empty());
  reports.Run(20, {10, 9, 11, 6});
  CHECK(reports.stragglers.Why(4).empty());
  // It stands still.
  reports.Run(20, {10, 9, 11, 0});
  CHECK_FALSE(reports.stragglers.Why(4).empty());
}

TEST_CASE("those who wait for a slow worker do as many steps, and are not as slow") {
  Reports reports(3);
  reports.Run(1, {4, 4, 4});
  for (int round = 0; round < 10; ++round) {
    reports.Run(1, {4, 4, 4});
    // Its own pull is parked, too.
    reports.Run(2, {4, 4, 4}, {1, 2, 3}, 3);
  }
  CHECK_FALSE(reports.stragglers.Why(3).empty());
  CHECK(reports.stragglers.Why(1).empty());
  CHECK(reports.stragglers.Why(2).empty());
}

TEST_CASE("nothing is said without others, or without enough steps") {
  Reports alone(1);
  alone.Run(30, {1});
  CHECK(alone.stragglers.Why(1).empty());
  Reports rare(2);
  rare.Run(3, {1, 0});
  rare.Run(12, {0, 0});
  CHECK(rare.stragglers.Why(2).empty());
  Reports gone(2);
  gone.Run(20, {10, 1});
  CHECK_FALSE(gone.stragglers.Why(2).empty());
  gone.members[0].state = v1::MemberStatus::LOST;
  gone.Run(1, {0, 1});
  CHECK(gone.stragglers.Why(2).empty());
}

TEST_CASE("time without work is not counted, and others are known by what they did before") {
  Reports reports(2);
  for (int i = 0; i < 10; ++i) {
    // The first one has work for two seconds of eight, in one of which it is looked at from begin
    // to end.
    reports.training = {1, 2};
    reports.Run(1, {0, 5});
    reports.Run(1, {5, 5});
    reports.training = {2};
    reports.Run(6, {0, 5});
  }
  CHECK(reports.stragglers.Why(1).empty());
  CHECK(reports.stragglers.Why(2).empty());
  reports.Run(10, {0, 1});
  CHECK_FALSE(reports.stragglers.Why(2).empty());
  CHECK(reports.stragglers.Why(1).empty());
  reports.Run(10, {0, 5});
  CHECK(reports.stragglers.Why(2).empty());
}

TEST_CASE("while training rests no time passes") {
  Reports reports(2);
  reports.Run(20, {10, 10});
  reports.stragglers.Pause();
  reports.now += absl::Seconds(1000);
  reports.Run(1, {0, 0});
  CHECK(reports.stragglers.Why(1).empty());
  reports.Run(20, {10, 10});
  CHECK(reports.stragglers.Why(1).empty());
}

}  // namespace
}  // namespace paramd
