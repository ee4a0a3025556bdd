#include "server/coordinator/shard_planner.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <numeric>

#include "common/base/random.h"

namespace paramd {
namespace {

using Plan = std::vector<std::vector<uint32_t>>;

void CheckBalanced(const Plan& plan, const std::vector<uint32_t>& servers) {
  std::map<uint32_t, size_t> total;
  for (const uint32_t server : servers) total[server] = 0;
  for (const auto& table : plan) {
    std::map<uint32_t, size_t> held;
    for (const uint32_t server : servers) held[server] = 0;
    for (const uint32_t server : table) {
      REQUIRE(held.count(server) == 1);
      ++held[server];
      ++total[server];
    }
    const auto [low, high] = std::minmax_element(
        held.begin(), held.end(), [](auto& a, auto& b) { return a.second < b.second; });
    CHECK(high->second - low->second <= 1);
  }
  const auto [low, high] = std::minmax_element(
      total.begin(), total.end(), [](auto& a, auto& b) { return a.second < b.second; });
  CHECK(high->second - low->second <= 1);
}

size_t Moves(const Plan& before, const Plan& after, const std::vector<uint32_t>& living) {
  size_t moves = 0;
  for (size_t t = 0; t < before.size(); ++t) {
    for (size_t s = 0; s < before[t].size(); ++s) {
      const bool stays = std::find(living.begin(), living.end(), before[t][s]) != living.end();
      moves += stays && before[t][s] != after[t][s];
    }
  }
  return moves;
}

TEST_CASE("new tables are spread over all servers") {
  for (const size_t shards : {1, 2, 7, 64}) {
    for (uint32_t n = 1; n <= 5; ++n) {
      std::vector<uint32_t> servers(n);
      std::iota(servers.begin(), servers.end(), 1);
      CheckBalanced(PlanShards(Plan(3, std::vector<uint32_t>(shards, 0)), servers), servers);
    }
  }
}

TEST_CASE("a plan that is balanced stays as it is") {
  const Plan plan = PlanShards({std::vector<uint32_t>(64, 0), {0}, {0}}, {1, 2, 3});
  CHECK(PlanShards(plan, {1, 2, 3}) == plan);
  CHECK(PlanShards(plan, {3, 2, 1}) == plan);
}

TEST_CASE("when a server goes, only its shards move") {
  const Plan before = PlanShards({std::vector<uint32_t>(60, 0)}, {1, 2, 3});
  const Plan after = PlanShards(before, {1, 3});
  CheckBalanced(after, {1, 3});
  CHECK(Moves(before, after, {1, 3}) == 0);
}

TEST_CASE("when a server comes, it takes its share and nothing else moves") {
  const Plan before = PlanShards({std::vector<uint32_t>(60, 0)}, {1, 2});
  const Plan after = PlanShards(before, {1, 2, 3});
  CheckBalanced(after, {1, 2, 3});
  CHECK(Moves(before, after, {1, 2, 3}) == 20);
}

TEST_CASE("random sequences of comings and goings stay balanced") {
  Random random(11);
  Plan plan = {std::vector<uint32_t>(64, 0), std::vector<uint32_t>(5, 0), {0}};
  for (int round = 0; round < 200; ++round) {
    std::vector<uint32_t> servers;
    for (uint32_t id = 1; id <= 8; ++id) {
      if (random.NextBelow(2) == 0) servers.push_back(id);
    }
    if (servers.empty()) continue;
    plan = PlanShards(plan, servers);
    CheckBalanced(plan, servers);
  }
}

}  // namespace
}  // namespace paramd
