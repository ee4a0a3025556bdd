// The part of Engine that has an operation log on disk.

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/wire/frame.h"
#include "server/engine/engine.h"
#include "server/replica/shard_operations.h"

namespace paramd {

absl::StatusOr<bool> Engine::OpenLogFor(const v1::ClusterView& message, const View& before,
                                        const View& view) {
  if (open_log_ == nullptr || log_ != nullptr || !view.ServesAny()) return false;
  // Shards that come here as they are on the disk: nobody else has them.
  std::map<std::pair<uint32_t, uint32_t>, std::unique_ptr<BackupShard>> back;
  if (held_.job() == message.shard_map().job()) {
    for (const v1::LoggedShard& shard : held_.shards()) {
      if (shard.table() >= view.tables.size()) continue;
      const Table& table = *view.tables[shard.table()];
      if (shard.shard() >= table.shards() ||
          view.ServedShard(shard.table(), shard.shard()) == nullptr ||
          (shard.table() < before.tables.size() &&
           before.tables[shard.table()]->shard(shard.shard()) != nullptr)) {
        continue;
      }
      back[{shard.table(), shard.shard()}] =
          std::make_unique<BackupShard>(table.shared_shard(shard.shard()), false);
    }
  }
  OperationParser parser;
  const auto visit = [&](absl::string_view record) -> absl::Status {
    if (back.empty()) return absl::OkStatus();
    const ByteReader::Piece piece(reinterpret_cast<const uint8_t*>(record.data()), record.size());
    ASSIGN_OR_RETURN(const OperationFrame frame, parser.Parse({&piece, 1}));
    const v1::Header& header = *frame.header;
    if (JobOf(header) != 0 || header.table() >= view.tables.size()) return absl::OkStatus();
    const Table& table = *view.tables[header.table()];
    return ForEachShardOperation(
        header, frame.keys, frame.values, table.sparse(), table.spec().dim(),
        [&](uint32_t shard, const ShardOperation& operation) {
          const auto found = back.find({header.table(), shard});
          return found == back.end() ? absl::OkStatus() : found->second->Take(operation);
        });
  };
  ASSIGN_OR_RETURN(log_, open_log_(message.shard_map().job(), visit));
  for (const auto& [shard, content] : back) {
    if (!content->filled()) {
      return absl::DataLossError(absl::StrCat("the operation log lacks the copy of shard ",
                                              shard.second, " of table ",
                                              view.tables[shard.first]->spec().name()));
    }
    content->Promote();
  }
  MutexLock lock(links_mutex_);
  links_[kLogTarget] = log_link_ = log_->link();
  replicates_ = true;
  return !back.empty();
}

void Engine::LogShards(const View& view) {
  if (log_ == nullptr) return;
  std::vector<LogKeeper::LoggedShard> shards;
  for (uint32_t number = 0; number < view.tables.size(); ++number) {
    for (uint32_t i = 0; i < view.tables[number]->shards(); ++i) {
      if (view.ServedShard(number, i) == nullptr) continue;
      shards.push_back({.table = number,
                        .shard = i,
                        .sparse = view.tables[number]->sparse(),
                        .content = view.tables[number]->shared_shard(i)});
    }
  }
  if (!shards.empty()) log_->SetShards(std::move(shards));
}

}  // namespace paramd
