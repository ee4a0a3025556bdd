#include "server/engine/view.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace paramd {
namespace {

// The server's entry among the backups of a shard; null: it is none of them.
const v1::ShardBackup* BackupOn(uint32_t server, const v1::TablePlacement& placement, int shard) {
  if (shard >= placement.backups_size()) return nullptr;
  for (const v1::ShardBackup& backup : placement.backups(shard).backups()) {
    if (backup.server() == server) return &backup;
  }
  return nullptr;
}

// For each shard whether `server` is to let it go: it does when the backup has everything.
std::vector<bool> MovingFrom(uint32_t server, const v1::TablePlacement& placement) {
  std::vector<bool> moving(placement.shard_servers_size(), false);
  for (const v1::ShardReplica& move : placement.moves()) {
    const auto shard = static_cast<int>(move.shard());
    if (shard >= placement.shard_servers_size() || placement.shard_servers(shard) != server) {
      continue;
    }
    const v1::ShardBackup* const target = BackupOn(move.server(), placement, shard);
    moving[move.shard()] = target != nullptr && target->filled();
  }
  return moving;
}

}  // namespace

bool View::IsMember(uint32_t client, uint64_t incarnation) const {
  const auto it = workers.find(client);
  return it != workers.end() && it->second == incarnation;
}

bool View::ServesAny() const {
  for (uint32_t table = 0; table < tables.size(); ++table) {
    for (uint32_t i = 0; i < tables[table]->shards(); ++i) {
      if (ServedShard(table, i) != nullptr) return true;
    }
  }
  return false;
}

absl::StatusOr<std::shared_ptr<const View>> View::Make(const v1::ClusterView& message,
                                                       uint32_t server, const View& previous) {
  auto view = std::make_shared<View>();
  view->version = message.version();
  view->epoch = message.shard_map().epoch();
  for (const v1::WorkerMember& worker : message.workers()) {
    view->workers[worker.id()] = worker.incarnation();
  }
  const auto& placements = message.shard_map().tables();
  if (placements.size() < static_cast<int>(previous.tables.size())) {
    return absl::InvalidArgumentError(absl::StrCat("view ", message.version(), " has ",
                                                   placements.size(), " tables, there are ",
                                                   previous.tables.size()));
  }
  for (const v1::TablePlacement& placement : placements) {
    const size_t index = view->tables.size();
    const Table* const known =
        index < previous.tables.size() ? previous.tables[index].get() : nullptr;
    std::vector<bool> here;
    std::vector<const v1::ShardBackup*> copies;
    for (int i = 0; i < placement.shard_servers_size(); ++i) {
      copies.push_back(BackupOn(server, placement, i));
      here.push_back(placement.shard_servers(i) == server || copies.back() != nullptr);
    }
    ASSIGN_OR_RETURN(std::shared_ptr<const Table> table,
                     Table::Create(placement.spec(), here, known));
    std::vector<std::shared_ptr<BackupShard>> backups(copies.size());
    for (uint32_t i = 0; i < backups.size(); ++i) {
      if (copies[i] == nullptr) continue;
      if (known != nullptr) backups[i] = previous.backups[index][i];
      // What it has of a primary before may be more than the one now ever had.
      if (backups[i] != nullptr && backups[i]->since() == copies[i]->since()) continue;
      backups[i] = std::make_shared<BackupShard>(table->shared_shard(i), copies[i]->filled(),
                                                 copies[i]->since());
    }
    view->backups.push_back(std::move(backups));
    view->moving.push_back(MovingFrom(server, placement));
    view->primaries.emplace_back(placement.shard_servers().begin(),
                                 placement.shard_servers().end());
    if (table->synchronous()) {
      view->synchronous = true;
      view->backup_workers =
          std::max(view->backup_workers, table->spec().consistency().backup_workers());
    }
    view->tables.push_back(std::move(table));
    view->staleness.push_back(known != nullptr ? previous.staleness[index]
                                               : std::make_shared<TableStaleness>());
  }
  return view;
}

}  // namespace paramd
