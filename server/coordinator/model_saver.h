#pragma once

#include "absl/status/status.h"
#include "paramd/v1/config.pb.h"
#include "paramd/v1/coordinator.pb.h"

namespace paramd {

// Reads every shard of every table from the servers of `map` and writes them to config.output.model
// in the format of common/model_file/FORMAT.md. The job must have ended its training, so that
// nothing changes any more. Blocks. Errors of the servers are named with the server, errors of the
// disk with the file; an older file then stays as it was.
absl::Status SaveModel(const v1::Config& config, const v1::ShardMap& map);

}  // namespace paramd
