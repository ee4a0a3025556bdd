#include "server/coordinator/auto_staleness.h"

#include <catch2/catch.hpp>

namespace paramd {
namespace {

v1::Config Config() {
  v1::Config config;
  config.mutable_cluster()->mutable_heartbeat()->mutable_interval()->set_nanos(500'000'000);
  config.mutable_data()->set_batch_size(10);
  return config;
}

v1::TablePlacement Table(uint32_t min, uint32_t max, uint32_t steps, bool is_auto = true) {
  v1::TablePlacement table;
  v1::Consistency& consistency = *table.mutable_spec()->mutable_consistency();
  consistency.set_mode(v1::Consistency::SSP);
  consistency.mutable_staleness()->set_auto_(is_auto);
  consistency.mutable_staleness()->set_steps(steps);
  consistency.set_staleness_min(min);
  consistency.set_staleness_max(max);
  return table;
}

// Two servers and workers that train, and what they report.
struct Training {
  explicit Training(std::vector<v1::TablePlacement> tables, size_t workers = 2) {
    for (const v1::TablePlacement& table : tables) *map.add_tables() = table;
    for (uint32_t i = 0; i < 2; ++i) {
      Member& server = members.emplace_back();
      server.has_reported = true;
      server.record.set_role(v1::SHARD_HOST);
      for (int t = 0; t < map.tables_size(); ++t) {
        server.server_report.add_tables()->set_table(static_cast<uint32_t>(t));
      }
    }
    for (uint32_t i = 0; i < workers; ++i) AddWorker(i + 1);
    tuning.emplace(map, Config());
  }

  Member& AddWorker(uint32_t id) {
    Member& worker = members.emplace_back();
    worker.record.set_role(v1::WORKER);
    worker.record.set_id(id);
    worker.has_reported = true;
    return worker;
  }

  // A second passes in which each worker does `steps` steps of 10 examples.
  std::optional<v1::StalenessChoice> Second(uint64_t steps, double loss, double waited,
                                            int table = 0) {
    now += absl::Seconds(1);
    for (Member& member : members) {
      if (member.record.role() == v1::SHARD_HOST) continue;
      v1::WorkerReport& report = member.worker_report;
      report.set_clock(report.clock() + steps);
      report.set_examples(report.examples() + 10 * steps);
      report.set_loss_sum(report.loss_sum() + loss * 10 * static_cast<double>(steps));
    }
    // The second server has seen less of it.
    for (int i = 0; i < 2; ++i) {
      v1::TableReport& report = *members[i].server_report.mutable_tables(table);
      report.set_waited_seconds(report.waited_seconds() + waited / (i + 1));
    }
    return tuning->Look(map, members, now);
  }

  v1::ShardMap map;
  std::deque<Member> members;
  std::optional<AutoStaleness> tuning;
  absl::Duration now = absl::Seconds(100);
};

TEST_CASE("a window is what workers report between two moments") {
  Training training({Table(0, 32, 4)});
  CHECK_FALSE(training.Second(10, 0.7, 0.4));  // it begins
  const auto choice = training.Second(10, 0.6, 0.4);
  REQUIRE(choice.has_value());
  CHECK(choice->steps() == 8);
  CHECK(choice->waited() == Approx(0.2));  // 0.4 seconds of two workers
  CHECK(choice->loss() == Approx(0.6));
}

TEST_CASE("a window lasts until the workers have done four steps") {
  Training training({Table(0, 32, 4)});
  training.Second(1, 0.7, 0.5);
  CHECK_FALSE(training.Second(1, 0.7, 0.5));
  CHECK_FALSE(training.Second(2, 0.7, 0.5));
  CHECK(training.Second(1, 0.7, 0.5).has_value());
}

TEST_CASE("a window lasts for two heartbeats at least") {
  Training training({Table(0, 32, 4)});
  training.Second(10, 0.7, 0.5);
  training.now -= absl::Milliseconds(10);
  CHECK_FALSE(training.Second(10, 0.7, 0.5));
}

TEST_CASE("a worker that comes or goes begins the window anew") {
  Training training({Table(0, 32, 4)}, 3);
  training.Second(10, 0.7, 0.5);
  SECTION("comes") { training.AddWorker(9); }
  SECTION("goes") { training.members.back().state = v1::MemberStatus::LOST; }
  CHECK_FALSE(training.Second(10, 0.7, 1));
  CHECK(training.Second(10, 0.7, 1).has_value());
}

TEST_CASE("a worker that has nothing to do for a while does not") {
  Training training({Table(0, 32, 4)});
  training.Second(10, 0.7, 0.5);
  training.members.back().record.set_idle(true);
  CHECK(training.Second(10, 0.7, 0.5).has_value());
}

TEST_CASE("after a rest, or while a member is not heard of, the window begins anew") {
  Training training({Table(0, 32, 4)});
  training.Second(10, 0.7, 0.5);
  SECTION("rest") {
    training.tuning->Pause();
    CHECK_FALSE(training.Second(10, 0.7, 0.5));
  }
  SECTION("not heard of") {
    training.members.front().has_reported = false;
    CHECK_FALSE(training.Second(10, 0.7, 0.5));
    training.members.front().has_reported = true;
    CHECK_FALSE(training.Second(10, 0.7, 0.5));
  }
  CHECK(training.Second(10, 0.7, 0.5).has_value());
}

TEST_CASE("a worker alone waits for nobody") {
  Training training({Table(0, 32, 4)}, 1);
  for (int i = 0; i < 5; ++i) CHECK_FALSE(training.Second(10, 0.7, 0.9));
}

TEST_CASE("only tables that tune themselves count, with the widest of their limits") {
  Training training({Table(0, 64, 4, false), Table(2, 6, 4), Table(4, 16, 4)});
  training.Second(10, 0.7, 1.9, 0);
  const auto unbound = training.Second(10, 0.7, 1.9, 0);
  // The first table does not count: nobody waits for the others, and the bound goes down.
  REQUIRE(unbound.has_value());
  CHECK(unbound->steps() == 2);
  std::vector<uint32_t> bounds;
  for (int i = 0; i < 5; ++i) {
    if (const auto choice = training.Second(10, 0.7, 0.4, 2)) bounds.push_back(choice->steps());
  }
  CHECK(bounds == std::vector<uint32_t>{4, 8, 16});
}

}  // namespace
}  // namespace paramd
