// The part of Engine that primaries and backups agree by.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/failpoint.h"
#include "common/base/status_macros.h"
#include "server/engine/engine.h"
#include "server/replica/shard_operations.h"

namespace paramd {
void Engine::SetReplication(bool wait_for_backup, uint64_t fill_bytes_per_second) {
  wait_for_backup_ = wait_for_backup;
  fill_bytes_per_second_ = fill_bytes_per_second;
}

void Engine::StopReplicating() {
  std::map<uint32_t, std::shared_ptr<ReplicaLink>> links;
  {
    MutexLock lock(links_mutex_);
    links.swap(links_);
    log_link_ = nullptr;
  }
  for (const auto& [server, link] : links) link->GiveUp();
  std::shared_ptr<Checkpointer> checkpoint;
  {
    MutexLock lock(mutex_);
    checkpoint.swap(checkpoint_);
  }
  checkpoint = nullptr;
  MutexLock lock(view_mutex_);
  filler_ = nullptr;
  log_ = nullptr;
}

void Engine::SetLog(EngineOptions::OpenLog open_log, const v1::HeldLog& held) {
  MutexLock lock(view_mutex_);
  open_log_ = std::move(open_log);
  held_ = held;
}

// ---- the primary

std::shared_ptr<ReplicaLink> Engine::LinkTo(uint32_t server) {
  MutexLock lock(links_mutex_);
  const auto link = links_.find(server);
  return link == links_.end() ? nullptr : link->second;
}

void Engine::SendTo(ReplicaLink& link, ReplicaFrame frame,
                    std::shared_ptr<Acknowledgement> acknowledgement) {
  frame.header.set_epoch(epoch_.load(std::memory_order_relaxed));
  link.Send(std::move(frame), std::move(acknowledgement));
}

void Engine::ShipPush(const Operation& operation, uint64_t staleness,
                      absl::Span<const ShardPart> parts, absl::Span<const Applied> applied,
                      const std::shared_ptr<Acknowledgement>& acknowledgement) {
  // By target, and whether it is waited for.
  std::map<uint32_t, std::pair<bool, std::vector<PushedPart>>> targets;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (applied[i].index == 0) continue;
    for (const ReplicaTarget& target : applied[i].targets) {
      auto& [waits, its] = targets[target.server];
      waits |= Waits(target);
      its.push_back({.shard = parts[i].number, .piece = parts[i].piece, .applied = &applied[i]});
      its.back().rows.first_row = parts[i].rows.first_row;
      if (applied[i].passed_over) continue;
      its.back().rows = parts[i].rows;
      its.back().values = parts[i].values;
    }
  }
  for (const auto& [server, what] : targets) {
    const std::shared_ptr<ReplicaLink> link = LinkTo(server);
    if (link == nullptr) continue;
    SendTo(*link, PushFrame(operation, staleness, what.second),
           what.first ? acknowledgement : nullptr);
  }
}

void Engine::WaitForTargets(uint64_t epoch, absl::Span<const Applied> applied,
                            const std::shared_ptr<Acknowledgement>& acknowledgement) {
  std::vector<uint32_t> servers;
  for (const Applied& one : applied) {
    for (const ReplicaTarget& target : one.targets) {
      if (!Waits(target) || std::count(servers.begin(), servers.end(), target.server) > 0) continue;
      servers.push_back(target.server);
      if (const auto link = LinkTo(target.server)) link->WhenAllTaken(epoch, acknowledgement);
    }
  }
}

void Engine::WhenAllTaken(uint64_t epoch, const StepAnswers& answers) {
  if (answers.empty()) return;
  std::vector<std::shared_ptr<ReplicaLink>> links;
  {
    MutexLock lock(links_mutex_);
    for (const auto& [server, link] : links_) links.push_back(link);
  }
  for (const std::shared_ptr<ReplicaLink>& link : links) {
    for (const std::shared_ptr<Acknowledgement>& answer : answers) {
      link->WhenAllTaken(epoch, answer);
    }
  }
}

void Engine::Ship(const ReplicaTargets& targets, const ReplicaFrame& frame,
                  const std::shared_ptr<Acknowledgement>& acknowledgement) {
  for (const ReplicaTarget& target : targets) {
    if (const auto link = LinkTo(target.server)) {
      SendTo(*link, frame, Waits(target) ? acknowledgement : nullptr);
    }
  }
}

void Engine::ConnectBackups(const v1::ClusterView& message, const View& view) {
  uint32_t self;
  {
    MutexLock lock(mutex_);
    self = *server_id_;
  }
  epoch_ = message.shard_map().epoch();
  const auto address_of = [&](uint32_t server) {
    for (const v1::ServerMember& member : message.shard_map().servers()) {
      if (member.id() == server) return member.address();
    }
    return std::string();
  };
  std::deque<ReplicaFiller::Task> tasks;
  const auto& tables = message.shard_map().tables();
  for (int number = 0; number < tables.size(); ++number) {
    const v1::TablePlacement& placement = tables[number];
    for (int i = 0; i < placement.backups_size(); ++i) {
      // Shards of other servers may come here.
      if (placement.backups(i).backups_size() > 0) replicates_ = true;
      if (placement.shard_servers(i) != self) continue;
      // It is frozen, or will be: nothing more is sent.
      if (view.moving[static_cast<size_t>(number)][static_cast<size_t>(i)]) continue;
      const std::shared_ptr<Shard>& shard =
          view.tables[static_cast<size_t>(number)]->shared_shard(static_cast<uint32_t>(i));
      ReplicaTargets targets;
      if (shard->TargetOf(kLogTarget).has_value()) targets.push_back({.server = kLogTarget});
      for (const v1::ShardBackup& backup : placement.backups(i).backups()) {
        std::shared_ptr<ReplicaLink> link;
        {
          MutexLock lock(links_mutex_);
          std::shared_ptr<ReplicaLink>& entry = links_[backup.server()];
          if (entry == nullptr) {
            entry = options_.connect(backup.server(), address_of(backup.server()));
          }
          link = entry;
        }
        const std::optional<ReplicaTarget> target = shard->TargetOf(backup.server());
        const bool known = target.has_value() && target->since == backup.since();
        if (backup.filled() || known) {
          targets.push_back(
              {.server = backup.server(), .waits = backup.filled(), .since = backup.since()});
        }
        // What waits is filled, and the coordinator hears of it.
        if (!backup.filled() && !(known && target->waits)) {
          tasks.push_back({.table = static_cast<uint32_t>(number),
                           .shard = static_cast<uint32_t>(i),
                           .sparse = placement.spec().kind() == v1::TableSpec::SPARSE,
                           .copied = shard,
                           .target = backup.server(),
                           .since = backup.since(),
                           .epoch = message.shard_map().epoch(),
                           .link = std::move(link)});
        }
      }
      shard->SetTargets(targets);
    }
  }
  if (tasks.empty() && filler_ == nullptr) return;
  if (filler_ == nullptr) {
    filler_ = std::make_unique<ReplicaFiller>(fill_bytes_per_second_, *options_.clock,
                                              [this](const ReplicaFiller::Task& task) {
                                                v1::ShardReplica filled;
                                                filled.set_table(task.table);
                                                filled.set_shard(task.shard);
                                                filled.set_server(task.target);
                                                filled.set_since(task.since);
                                                ReportFilled(filled);
                                              });
  }
  filler_->Set(std::move(tasks));
}

void Engine::ReleaseLinks(const v1::ClusterView& message) {
  // Before any view comes there are no links; with the last message, none is left.
  std::vector<std::shared_ptr<ReplicaLink>> released;
  {
    MutexLock lock(links_mutex_);
    for (const v1::ServerMember& server : message.shard_map().servers()) {
      server_names_[server.id()] = server.name();
    }
    for (auto it = links_.begin(); it != links_.end();) {
      const auto& servers = message.shard_map().servers();
      const auto& lost = message.shard_map().lost_servers();
      const bool stays =
          it->first == kLogTarget ||
          (std::any_of(servers.begin(), servers.end(),
                       [&](const v1::ServerMember& member) { return member.id() == it->first; }) &&
           std::find(lost.begin(), lost.end(), it->first) == lost.end());
      if (stays) {
        ++it;
      } else {
        released.push_back(std::move(it->second));
        it = links_.erase(it);
      }
    }
  }
  // Under no lock: answers go out.
  for (const std::shared_ptr<ReplicaLink>& link : released) link->Release();
}

// ---- the backup

absl::Status Engine::TakeReplicated(uint32_t primary, const v1::Header& header, ByteReader keys,
                                    ByteReader values) {
  std::shared_ptr<const View> view;
  {
    MutexLock lock(mutex_);
    view = view_;
  }
  if (header.epoch() > view->epoch) return absl::UnavailableError("the shard map is not here yet");
  if (header.table() >= view->tables.size()) return absl::InvalidArgumentError("no such table");
  const Table& table = *view->tables[header.table()];
  PARAMD_FAILPOINT("replica.take");
  absl::Status replaced;
  RETURN_IF_ERROR(ForEachShardOperation(
      header, keys, values, table.sparse(), table.spec().dim(),
      [&](uint32_t shard, const ShardOperation& operation) {
        if (shard >= table.shards()) return absl::InvalidArgumentError("no such shard");
        BackupShard* const backup = view->backups[header.table()][shard].get();
        if (view->primaries[header.table()][shard] != primary) {
          replaced = absl::FailedPreconditionError(
              absl::StrCat("server ", primary, " is not the primary of shard ", shard, " of table ",
                           table.spec().name(), " in epoch ", view->epoch));
          return absl::OkStatus();
        }
        return backup == nullptr ? absl::OkStatus() : backup->Take(operation);
      }));
  PARAMD_FAILPOINT("replica.taken");
  return replaced;
}

v1::ShardDigests Engine::ShardDigests() const {
  std::shared_ptr<const View> view;
  {
    MutexLock lock(mutex_);
    view = view_;
  }
  v1::ShardDigests digests;
  for (uint32_t number = 0; number < view->tables.size(); ++number) {
    for (uint32_t i = 0; i < view->tables[number]->shards(); ++i) {
      const Shard* const shard = view->tables[number]->shard(i);
      if (shard == nullptr) continue;
      v1::ShardDigest& digest = *digests.add_shards();
      digest.set_table(number);
      digest.set_shard(i);
      digest.set_primary(shard->serving());
      digest.set_index(shard->index());
      digest.set_digest(shard->ReplicaDigest());
    }
  }
  return digests;
}

}  // namespace paramd
