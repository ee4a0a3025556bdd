#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace paramd {

// Which of `servers` (ids, at least one, without repetition) holds each shard of every table.
// `current[t][s]` is the server of shard s of table t, or 0 when it has none yet (ids start at 1).
// Pure and deterministic.
//
// Balanced: over all tables together, and within each table, the numbers of shards of two servers
// differ by at most one. Few moves: among the shards that stay on living servers only those move
// that balance asks for.
std::vector<std::vector<uint32_t>> PlanShards(const std::vector<std::vector<uint32_t>>& current,
                                              absl::Span<const uint32_t> servers);

}  // namespace paramd
