#pragma once

#include <string>

#include "absl/status/status.h"
#include "paramd/v1/config.pb.h"
#include "paramd/v1/coordinator.pb.h"

namespace paramd {

// Reads every shard of every table from the servers of `map` and writes them to `path` in the
// format of common/model_file/FORMAT.md. While training goes on, shards are read one after the
// other, each as it is then. Blocks. Errors of the servers are named with the server, errors of the
// disk with the file; an older file then stays as it was.
absl::Status SaveModel(const v1::Config& config, const v1::ShardMap& map, const std::string& path);

}  // namespace paramd
