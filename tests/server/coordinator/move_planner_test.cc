#include "server/coordinator/move_planner.h"

#include <catch2/catch.hpp>
#include <map>
#include <string>
#include <vector>

#include "server/coordinator/replica_planner.h"
#include "server/coordinator/shard_traffic.h"

namespace paramd {
namespace {

const std::vector<ServerPlace> kThree = {{1, "a", "s1"}, {2, "b", "s2"}, {3, "c", "s3"}};

// A table whose shards are on these servers.
v1::ShardMap MapOf(const std::vector<uint32_t>& servers,
                   const std::vector<uint32_t>& backups = {}) {
  v1::ShardMap map;
  v1::TablePlacement& table = *map.add_tables();
  for (const uint32_t server : servers) table.add_shard_servers(server);
  for (const uint32_t backup : backups) {
    v1::ShardBackup& one = *table.add_backups()->add_backups();
    one.set_server(backup);
    one.set_filled(true);
  }
  return map;
}

ShardCosts CostsOf(const std::vector<double>& rows, const std::vector<uint64_t>& bytes = {}) {
  ShardCosts costs;
  for (uint32_t i = 0; i < rows.size(); ++i) costs[{0, i}].rows_per_second = rows[i];
  for (uint32_t i = 0; i < bytes.size(); ++i) costs[{0, i}].bytes = bytes[i];
  return costs;
}

// The map with the moves of a plan done.
v1::ShardMap After(v1::ShardMap map, const MovePlan& plan) {
  for (const PlannedMove& move : plan.moves) {
    map.mutable_tables(0)->set_shard_servers(static_cast<int>(move.shard), move.to);
  }
  return map;
}

TEST_CASE("what is in balance stays") {
  const v1::ShardMap map = MapOf({1, 2, 3, 1, 2, 3});
  CHECK(PlanMoves(kThree, map, {}).moves.empty());
  CHECK(PlanMoves(kThree, map, CostsOf({10, 11, 9, 10, 11, 10}, {5, 5, 5, 5, 5, 5})).moves.empty());
  // 20 % above the mean is allowed; one shard more than that cannot be halved.
  CHECK(PlanMoves(kThree, MapOf({1, 2, 3, 1}), CostsOf({10, 10, 10, 10})).moves.empty());
  CHECK(PlanMoves(kThree, MapOf({1, 2, 3}), CostsOf({90, 5, 5})).moves.empty());
}

TEST_CASE("a hot shard moves first") {
  const ShardCosts costs = CostsOf({10, 60, 20, 5, 5, 5});
  const v1::ShardMap map = MapOf({1, 1, 1, 2, 3, 3});
  const MovePlan plan = PlanMoves(kThree, map, costs);
  REQUIRE_FALSE(plan.moves.empty());
  CHECK(plan.moves[0].shard == 1);
  CHECK(plan.moves[0].from == 1);
  CHECK(plan.moves[0].to == 2);
  CHECK(plan.moves[0].reason == "s1 takes 90 rows a second, 257 % of the mean");
  REQUIRE(plan.loads.size() == 3);
  CHECK(plan.loads[0].before.rows_per_second == 90);
  CHECK(plan.loads[0].after.rows_per_second < 40);
  // And nothing flaps: what comes out is left alone.
  CHECK(PlanMoves(kThree, After(map, plan), costs).moves.empty());
}

TEST_CASE("bytes are balanced as far as traffic allows") {
  const v1::ShardMap map = MapOf({1, 1, 1, 1, 2, 3});
  const std::vector<uint64_t> bytes = {100, 100, 100, 100, 0, 0};
  // All the traffic is where the bytes are not.
  const MovePlan plan = PlanMoves(kThree, map, CostsOf({0, 0, 0, 0, 50, 0}, bytes));
  REQUIRE_FALSE(plan.moves.empty());
  for (const PlannedMove& move : plan.moves) CHECK(move.from == 1);
  // Traffic in balance stays so.
  const ShardCosts busy = CostsOf({10, 10, 10, 10, 40, 40}, bytes);
  CHECK(PlanMoves(kThree, map, busy).moves.empty());
}

TEST_CASE("a server that has come gets its part, a bounded number at once") {
  std::vector<uint32_t> servers;
  std::vector<double> rows;
  for (int i = 0; i < 60; ++i) {
    servers.push_back(1 + i % 2);
    rows.push_back(10);
  }
  v1::ShardMap map = MapOf(servers);
  const ShardCosts costs = CostsOf(rows);
  MovePlan plan = PlanMoves(kThree, map, costs, {.most = 4});
  CHECK(plan.moves.size() == 4);
  std::map<uint32_t, int> from;
  for (const PlannedMove& move : plan.moves) {
    CHECK(move.to == 3);
    ++from[move.from];
  }
  CHECK(from[1] == 2);
  int rounds = 0;
  for (; !plan.moves.empty(); ++rounds) {
    map = After(map, plan);
    plan = PlanMoves(kThree, map, costs, {.most = 4});
  }
  CHECK(rounds == 4);
  // Without any figures, too.
  CHECK(PlanMoves(kThree, MapOf(servers), {}).moves.size() == 16);
}

TEST_CASE("moves under way count as done, and as moves") {
  v1::ShardMap map = MapOf({1, 1, 1, 1});
  BeginMove(0, 0, 2, &map);
  BeginMove(0, 1, 3, &map);
  CHECK(PlanMoves(kThree, map, CostsOf({10, 10, 10, 10})).moves.empty());
  CHECK(
      PlanMoves(kThree, MapOf({1, 1, 1, 1}), CostsOf({10, 10, 10, 10}), {.most = 1}).moves.size() ==
      1);
  map = MapOf({1, 1, 1, 1, 1, 1});
  BeginMove(0, 0, 2, &map);
  CHECK(PlanMoves(kThree, map, CostsOf({1, 1, 1, 1, 1, 1}), {.most = 1}).moves.empty());
}

TEST_CASE("a server that is to leave gives all its shards away, the busiest first") {
  std::vector<ServerPlace> servers = kThree;
  servers[0].draining = true;
  const v1::ShardMap map = MapOf({1, 1, 2, 3}, {2, 3, 3, 2});
  const MovePlan plan = PlanMoves(servers, map, CostsOf({5, 50, 0, 20}));
  REQUIRE(plan.moves.size() == 2);
  CHECK(plan.moves[0].shard == 1);
  CHECK(plan.moves[0].to == 2);
  CHECK(plan.moves[0].reason == "s1 is to leave");
  CHECK(plan.moves[1].shard == 0);
  CHECK(plan.moves[1].to == 3);
  CHECK(plan.loads[0].after.rows_per_second == 0);
  // With nobody to go to they stay.
  servers[1].draining = servers[2].draining = true;
  CHECK(PlanMoves(servers, map, {}).moves.empty());
}

TEST_CASE("a shard and its backup stay in two zones") {
  // Server 3 is new, where the backups are.
  const std::vector<ServerPlace> servers = {{1, "a", "s1"}, {2, "b", "s2"}, {3, "b", "s3"}};
  const MovePlan plan = PlanMoves(servers, MapOf({1, 1, 1, 1}, {2, 2, 2, 2}), {});
  REQUIRE_FALSE(plan.moves.empty());
  // The server that has it stays the backup.
  std::vector<ServerPlace> leaving = servers;
  leaving[0].draining = true;
  leaving.push_back({4, "a", "s4"});
  for (const PlannedMove& move : PlanMoves(leaving, MapOf({1, 1}, {2, 2}), {}).moves) {
    CHECK(move.to == 4);
  }
}

TEST_CASE("rates are the difference of reports a window apart") {
  ShardTraffic traffic(absl::Seconds(2));
  const auto report = [](uint64_t pushed, uint64_t pulled, uint32_t shard = 0) {
    v1::ServerReport one;
    v1::ShardReport& counts = *one.add_shards();
    counts.set_shard(shard);
    counts.set_bytes(7);
    counts.set_pushed_rows(pushed);
    counts.set_pulled_rows(pulled);
    return one;
  };
  traffic.Add(1, report(100, 100), absl::Seconds(10));
  CHECK(traffic.costs().at({0, 0}).bytes == 7);
  CHECK(traffic.costs().at({0, 0}).rows_per_second == 0);
  traffic.Add(1, report(200, 100), absl::Seconds(11));
  CHECK(traffic.costs().at({0, 0}).rows_per_second == 0);
  CHECK_FALSE(traffic.TakeRound(std::vector<uint32_t>{1}));
  traffic.Add(1, report(300, 200), absl::Seconds(12));
  CHECK(traffic.costs().at({0, 0}).rows_per_second == 150);
  CHECK_FALSE(traffic.TakeRound(std::vector<uint32_t>{1, 2}));
  CHECK(traffic.TakeRound(std::vector<uint32_t>{1}));
  CHECK_FALSE(traffic.TakeRound(std::vector<uint32_t>{1}));
  // On another server counting begins anew, and the last figure holds meanwhile.
  traffic.Add(2, report(10, 0), absl::Seconds(13));
  CHECK(traffic.costs().at({0, 0}).rows_per_second == 150);
  traffic.Add(2, report(10, 40), absl::Seconds(15));
  CHECK(traffic.costs().at({0, 0}).rows_per_second == 20);
}

}  // namespace
}  // namespace paramd
