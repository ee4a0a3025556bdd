// The part of Engine that lets shards go to another server while clients use them.

#include <algorithm>
#include <utility>

#include "common/base/failpoint.h"
#include "server/engine/engine.h"

namespace paramd {
namespace {

bool IsMoving(const View& view, size_t table, size_t shard) {
  return table < view.moving.size() && view.moving[table][shard];
}

}  // namespace

bool Engine::ServeAgain(const View& before, const View& view) {
  bool any = false;
  for (uint32_t table = 0; table < before.moving.size(); ++table) {
    for (uint32_t i = 0; i < before.moving[table].size(); ++i) {
      if (!before.moving[table][i] || view.ServedShard(table, i) == nullptr) continue;
      view.ServedShard(table, i)->SetServing(true);
      any = true;
    }
  }
  return any;
}

void Engine::Freeze(const v1::ClusterView& message, const View& before, const View& view) {
  v1::ShardsReleased released;
  std::vector<std::shared_ptr<Shard>> shards;
  const auto& tables = message.shard_map().tables();
  for (int number = 0; number < tables.size(); ++number) {
    for (const v1::ShardReplica& move : tables[number].moves()) {
      const auto table = static_cast<uint32_t>(number);
      if (!IsMoving(view, table, move.shard()) || IsMoving(before, table, move.shard())) continue;
      shards.push_back(view.tables[table]->shared_shard(move.shard()));
      v1::ShardReplica& one = *released.add_shards();
      one = move;
      one.set_table(table);
    }
  }
  if (shards.empty()) return;
  std::vector<uint32_t> followers;
  for (const std::shared_ptr<Shard>& shard : shards) {
    for (const ReplicaTarget& target : shard->targets()) {
      if (target.waits && target.server != kLogTarget) followers.push_back(target.server);
    }
    shard->SetServing(false);
  }
  std::sort(followers.begin(), followers.end());
  followers.erase(std::unique(followers.begin(), followers.end()), followers.end());
  // What was applied before that is sent then.
  under_way_.WaitForOpen();
  StepAnswers answers;
  {
    MutexLock lock(mutex_);
    answers = TakeAnswersBefore(UINT64_MAX);
  }
  // What the shards had of open steps is gone: clients send it again.
  for (const std::shared_ptr<Acknowledgement>& answer : answers) answer->GiveUp();
  const auto all =
      std::make_shared<Acknowledgement>([this, released = std::move(released)](bool acknowledged) {
        PARAMD_FAILPOINT("move.release");
        if (acknowledged) options_.on_released(released);
      });
  for (const uint32_t server : followers) {
    if (const auto link = LinkTo(server)) link->WhenAllAnswered(all);
  }
}

void Engine::ReportFilled(const v1::ShardReplica& replica) {
  {
    MutexLock lock(mutex_);
    // Pushes for steps that are open may have been acknowledged without the backup.
    if (view_->synchronous && !clocks_.clocks().empty()) {
      filled_later_.emplace(clocks_.MaxClock() + 1, replica);
      return;
    }
  }
  options_.on_filled(replica);
}

void Engine::ReportFilledSteps() {
  std::vector<v1::ShardReplica> filled;
  {
    MutexLock lock(mutex_);
    // Without clients nothing is open.
    const auto end = clocks_.clocks().empty() && !closing_ ? filled_later_.end()
                                                           : filled_later_.upper_bound(closed_);
    for (auto it = filled_later_.begin(); it != end; ++it) filled.push_back(it->second);
    filled_later_.erase(filled_later_.begin(), end);
  }
  // When their steps have reached the backups, too.
  for (const v1::ShardReplica& replica : filled) {
    const auto reached = std::make_shared<Acknowledgement>([this, replica](bool acknowledged) {
      if (acknowledged) options_.on_filled(replica);
    });
    if (const auto link = LinkTo(replica.server())) link->WhenAllAnswered(reached);
  }
}

}  // namespace paramd
