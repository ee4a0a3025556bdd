#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "paramd/v1/coordinator.pb.h"
#include "server/consistency/staleness_histogram.h"
#include "server/replica/backup_shard.h"
#include "server/table/shard.h"
#include "server/table/table.h"

namespace paramd {

// What a shard host knows of the cluster, as of one ClusterView. Immutable and thread-safe, but for
// what the tables' shards hold and what is counted.
struct View {
  uint64_t version = 0;  // 0: none was received yet
  uint64_t epoch = 0;
  absl::flat_hash_map<uint32_t, uint64_t> workers;         // id -> incarnation
  std::vector<std::shared_ptr<const Table>> tables;        // shared with the views before and after
  std::vector<std::shared_ptr<TableStaleness>> staleness;  // of each table; likewise
  // Of each table and shard; null: this server is not its backup. Likewise shared.
  std::vector<std::vector<std::shared_ptr<BackupShard>>> backups;
  // Server id of each table's and shard's primary.
  std::vector<std::vector<uint32_t>> primaries;
  // Of each table and shard: this server was its primary and lets it go to a backup.
  std::vector<std::vector<bool>> moving;
  bool synchronous = false;     // whether some table is bsp
  uint32_t backup_workers = 0;  // steps close without so many

  bool IsMember(uint32_t client, uint64_t incarnation) const;

  // The shard, if this server is its primary and serves it; otherwise null.
  Shard* ServedShard(uint32_t table, uint32_t shard) const {
    if (moving[table][shard]) return nullptr;
    return backups[table][shard] == nullptr ? tables[table]->shard(shard) : nullptr;
  }

  // Whether this server is the primary of some shard.
  bool ServesAny() const;

  // The view that `message` describes for server `server`, sharing tables and shards with
  // `previous`. Shards that are a backup's here follow from now on; a backup that becomes a primary
  // is not promoted yet.
  // INVALID_ARGUMENT: a table makes no sense, or one of `previous` was changed or removed.
  // RESOURCE_EXHAUSTED: no memory for new shards.
  static absl::StatusOr<std::shared_ptr<const View>> Make(const v1::ClusterView& message,
                                                          uint32_t server, const View& previous);
};

// Calls `function` with every shard here of the tables that are bsp.
template <typename Function>
void ForEachSynchronousShard(const View& view, const Function& function) {
  for (const std::shared_ptr<const Table>& table : view.tables) {
    if (!table->synchronous()) continue;
    for (uint32_t i = 0; i < table->shards(); ++i) {
      if (Shard* const shard = table->shard(i)) function(*shard);
    }
  }
}

}  // namespace paramd
