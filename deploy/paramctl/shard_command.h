#pragma once

#include <string>

#include "absl/types/span.h"
#include "paramd/v1/admin.pb.h"

namespace paramd {

// `paramctl shard plan --dry-run`: which shards the coordinator moves, or would move now, and why.
// Exit codes: 0, 1, 2 usage, kExitUnreachable.
int RunShardPlan(absl::Span<const std::string> args);

// For people: a table of the moves, and one of the servers' load before and after them.
std::string FormatShardPlan(const v1::ShardPlan& plan);

}  // namespace paramd
