#pragma once

#include <string>

#include "absl/status/status.h"
#include "paramd/v1/coordinator.pb.h"
#include "server/engine/engine.h"

namespace paramd {

// Puts the rows of a saved model (model.init) into the shards that live here; `map` is the shard
// map of the engine's view. Before any push. Errors name the file: those of reading it;
// INVALID_ARGUMENT: its tables are not those of the map; DATA_LOSS: a value is not finite.
absl::Status LoadModel(const std::string& path, const v1::ShardMap& map, Engine& engine);

}  // namespace paramd
