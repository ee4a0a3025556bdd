// The part of Engine that writes checkpoints and begins with them.

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "server/engine/engine.h"
#include "server/replica/checkpoint_shards.h"

namespace paramd {
namespace {

// Checkpoints whose indices are remembered.
constexpr size_t kRemembered = 2;

}  // namespace

void Engine::SetCheckpoints(const std::string& folder, int zstd_level) {
  MutexLock lock(mutex_);
  checkpoint_folder_ = folder;
  checkpoint_level_ = zstd_level;
}

void Engine::WriteCheckpoint(const v1::WriteCheckpoint& request, CheckpointDone done) {
  std::shared_ptr<Checkpointer> before;
  v1::CheckpointWritten refused;
  {
    MutexLock lock(mutex_);
    before = std::move(checkpoint_);
    std::vector<Checkpointer::Source> sources;
    for (uint32_t number = 0; number < view_->tables.size(); ++number) {
      for (uint32_t i = 0; i < view_->tables[number]->shards(); ++i) {
        if (view_->ServedShard(number, i) == nullptr) continue;
        sources.push_back({.table = number,
                           .shard = i,
                           .sparse = view_->tables[number]->sparse(),
                           .content = view_->tables[number]->shared_shard(i)});
      }
    }
    Checkpointer::Options options = {.folder = checkpoint_folder_,
                                     .number = request.number(),
                                     .name = absl::StrCat("server-", *server_id_),
                                     .zstd_level = checkpoint_level_};
    for (const auto& [number, indices] : checkpoint_indices_) {
      if (number == request.since()) options.since = indices;
    }
    checkpoint_step_ = request.step();
    checkpoint_state_ = CheckpointState::kOver;
    if (request.step() > 0 && request.step() < closed_ && !clocks_.clocks().empty()) {
      refused.set_number(request.number());
      refused.set_step(closed_);
      refused.set_error(
          absl::StrCat("step ", request.step(), " is over, ", closed_, " steps are closed"));
    } else {
      checkpoint_ = std::make_shared<Checkpointer>(
          std::move(options), std::move(sources),
          [this, done](const v1::CheckpointWritten& written, const ShardIndices& indices) {
            EndCheckpoint(written, indices, done);
          });
      checkpoint_state_ = CheckpointState::kWaits;
      BeginCheckpointIfDue();
    }
  }
  if (!refused.error().empty()) done(refused);
}

void Engine::BeginCheckpointIfDue() {
  if (checkpoint_state_ != CheckpointState::kWaits || closing_) return;
  if (view_->synchronous && closed_ < checkpoint_step_ && !clocks_.clocks().empty()) return;
  checkpoint_state_ = CheckpointState::kBegun;
  checkpoint_step_ = closed_;
  checkpoint_->Begin();
}

void Engine::EndCheckpoint(v1::CheckpointWritten written, const ShardIndices& indices,
                           const CheckpointDone& done) {
  {
    MutexLock lock(mutex_);
    checkpoint_state_ = CheckpointState::kOver;
    if (written.error().empty()) {
      if (view_->synchronous) written.set_step(checkpoint_step_);
      checkpoint_indices_[written.number()] = indices;
      if (checkpoint_indices_.size() > kRemembered) {
        checkpoint_indices_.erase(checkpoint_indices_.begin());
      }
    }
  }
  done(written);
}

absl::StatusOr<bool> Engine::LoadShards(const v1::ClusterView& message, const View& before,
                                        const View& view) {
  std::string folder;
  {
    MutexLock lock(mutex_);
    folder = checkpoint_folder_;
  }
  std::map<uint64_t, ShardsToRead> shards;  // by checkpoint
  const auto& tables = message.shard_map().tables();
  for (uint32_t number = 0; number < view.tables.size(); ++number) {
    const Table& table = *view.tables[number];
    for (const v1::ShardLoad& load : tables[static_cast<int>(number)].loads()) {
      const uint32_t i = load.shard();
      if (i >= table.shards() || view.ServedShard(number, i) == nullptr) continue;
      const bool known =
          number < before.tables.size() && before.tables[number]->shard(i) != nullptr;
      if (known && before.ServedShard(number, i) != nullptr) continue;
      // A backup that was being filled goes on from the checkpoint, and is promoted with others.
      std::shared_ptr<BackupShard> shard =
          known ? before.backups[number][i]
                : std::make_shared<BackupShard>(table.shared_shard(i), false);
      shards[load.checkpoint()][{number, i}] = {
          .sparse = table.sparse(), .dim = table.spec().dim(), .shard = std::move(shard)};
    }
  }
  for (const auto& [number, of_checkpoint] : shards) {
    RETURN_IF_ERROR(ReadShards(folder, number, of_checkpoint));
    for (const auto& [place, shard] : of_checkpoint) shard.shard->Promote();
  }
  return !shards.empty();
}

}  // namespace paramd
