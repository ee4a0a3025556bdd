#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "paramd/v1/coordinator.pb.h"
#include "server/coordinator/replica_planner.h"
#include "server/coordinator/shard_traffic.h"

namespace paramd {

struct MoveLimits {
  // Moves under way at once.
  size_t most = 16;
  // Nothing is moved for balance while the load of every server is within this part of the mean,
  double imbalance = 0.2;
  // and unless the largest load falls, or the smallest rises, by this part of it.
  double gain = 0.1;
};

struct PlannedMove {
  uint32_t table = 0;
  uint32_t shard = 0;
  uint32_t from = 0;
  uint32_t to = 0;
  std::string reason;
};

// Of the shards that a server is the primary of; moves that are under way count as done.
struct PlannedLoad {
  uint32_t server = 0;
  ShardCost before;
  ShardCost after;
};

struct MovePlan {
  std::vector<PlannedMove> moves;
  std::vector<PlannedLoad> loads;  // a server each
};

// Which primaries move where now. A pure function: the same input gives the same plan.
//
// 1. Shards of servers that are to leave go to those that then have the least to do.
// 2. Rows pushed and pulled a second are balanced: again and again that shard of the server with
//    the largest load moves which brings it and its new server closest together.
// 3. Then bytes, as long as no server comes to have more rows a second than allowed by that.
//    Without figures, the number of shards.
// A shard and its backup stay in (or come to) different zones when there are two. `servers`: the
// live ones.
MovePlan PlanMoves(absl::Span<const ServerPlace> servers, const v1::ShardMap& map,
                   const ShardCosts& costs, const MoveLimits& limits = {});

}  // namespace paramd
