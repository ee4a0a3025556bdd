#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "paramd/v1/coordinator.pb.h"
#include "server/replica/backup_shard.h"
#include "server/storage/manifest.h"

namespace paramd {

// A shard that is to be read, by table and shard; it has `sparse` rows of `dim` floats.
struct ShardToRead {
  bool sparse = false;
  uint32_t dim = 0;
  std::shared_ptr<BackupShard> shard;
};
using ShardsToRead = std::map<std::pair<uint32_t, uint32_t>, ShardToRead>;

// What belongs to the manifest of a checkpoint. DATA_LOSS: it cannot be read.
absl::StatusOr<v1::CheckpointPayload> PayloadOf(const Manifest& manifest);

// Reads shards from checkpoint `number` in `folder` and those that it adds to; files without any of
// them are not looked at. DATA_LOSS, NOT_FOUND, naming the file or the shard: not all could be
// read.
absl::Status ReadShards(const std::string& folder, uint64_t number, const ShardsToRead& shards);

}  // namespace paramd
