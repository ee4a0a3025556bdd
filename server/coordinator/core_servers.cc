// The part of CoordinatorCore that has the shards held by servers that come and go.

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/exit_code.h"
#include "server/coordinator/core.h"
#include "server/coordinator/replica_planner.h"

namespace paramd {
namespace {

v1::ServerMember EntryOf(const Member& server) {
  v1::ServerMember entry;
  entry.set_id(server.record.id());
  entry.set_name(server.record.name());
  entry.set_address(server.record.address());
  return entry;
}

}  // namespace

uint32_t CoordinatorCore::Replication() const {
  const v1::Sharding& sharding = config_.sharding();
  if (sharding.has_replication()) return sharding.replication();
  return config_.cluster().servers() > 1 ? 2 : 1;
}

bool CoordinatorCore::PlaceMissingBackups(bool filled) {
  if (Replication() < 2) return false;
  return PlaceBackups(Places(), filled, &shard_map_);
}

void CoordinatorCore::AddServer(const Member& server) {
  *shard_map_.add_servers() = EntryOf(server);
}

void CoordinatorCore::WaitFor(const v1::ServerMember& server) {
  const auto& lost = shard_map_.lost_servers();
  if (std::find(lost.begin(), lost.end(), server.id()) != lost.end()) return;
  *shard_map_.add_servers() = server;
  shard_map_.add_lost_servers(server.id());
}

void CoordinatorCore::GiveBackUnserved(const Member& server) {
  std::erase_if(promotions_, [&](const Promotion& promotion) {
    uint32_t* const primary = shard_map_.mutable_tables(promotion.table)
                                  ->mutable_shard_servers()
                                  ->Mutable(promotion.shard);
    if (*primary != server.record.id()) return false;
    if (config_.has_log() && server.applied_version < promotion.version) {
      *primary = promotion.before.id();
      WaitFor(promotion.before);
    }
    return true;
  });
}

void CoordinatorCore::AddServerToRunningJob(const Member& server) {
  AddServer(server);
  // Nobody was there to read what was lost.
  if (last_checkpoint_ > 0 && !config_.has_log() && !shard_map_.lost_servers().empty()) {
    LoadLostShards();
  }
  PlaceMissingBackups(false);
  shard_map_.set_epoch(shard_map_.epoch() + 1);
  BroadcastView();
}

void CoordinatorCore::LoseServer(const Member& server, const std::string& why, absl::Duration now) {
  if (job_.state() != v1::RUNNING) return;
  if (checkpoint_.stage == CheckpointStage::kWriting) RepeatCheckpoint();
  GiveBackUnserved(server);
  std::vector<Promotion> promotions;
  for (int table = 0; table < shard_map_.tables_size(); ++table) {
    const auto& servers = shard_map_.tables(table).shard_servers();
    for (int shard = 0; shard < servers.size(); ++shard) {
      if (servers.Get(shard) != server.record.id()) continue;
      promotions.push_back({table, shard, EntryOf(server), view_version_ + 1});
    }
  }
  const uint32_t lost = RemoveServer(server.record.id(), &shard_map_);
  const bool waits = lost > 0 && (config_.has_log() || last_checkpoint_ == 0 || !LoadLostShards());
  if (lost > 0 && !config_.has_log() && last_checkpoint_ == 0) {
    Finish(v1::FAILED,
           absl::StrCat(server.Describe(), " was lost (", why, ") and the parameters of ", lost,
                        " shards with it, which no other server holds, and there is no checkpoint; "
                        "start the job again"),
           kExitFailure, now);
    return;
  }
  // It may come back with its disk.
  if (waits) WaitFor(EntryOf(server));
  std::erase_if(promotions, [&](const Promotion& one) {
    return shard_map_.tables(one.table).shard_servers(one.shard) == server.record.id();
  });
  promotions_.insert(promotions_.end(), promotions.begin(), promotions.end());
  PlaceMissingBackups(false);
  shard_map_.set_epoch(shard_map_.epoch() + 1);
  BroadcastView();
}

void CoordinatorCore::HandleHeldLog(const Member& server, const v1::HeldLog& held) {
  if (job_.state() != v1::RUNNING || held.job() != shard_map_.job()) return;
  for (const uint32_t lost :
       std::vector<uint32_t>(shard_map_.lost_servers().begin(), shard_map_.lost_servers().end())) {
    const auto& servers = shard_map_.servers();
    const auto before = std::find_if(servers.begin(), servers.end(),
                                     [&](const auto& member) { return member.id() == lost; });
    if (before == servers.end() || before->name() != server.record.name()) continue;
    TakeBack(lost, server.record.id(), held, &shard_map_);
    PlaceMissingBackups(false);
    shard_map_.set_epoch(shard_map_.epoch() + 1);
    BroadcastView();
  }
}

void CoordinatorCore::HandleReplicasFilled(const Member& server, const v1::ReplicasFilled& filled) {
  for (const v1::ShardReplica& replica : filled.shards()) {
    view_is_old_ |= MarkFilled(server.record.id(), replica, &shard_map_);
  }
}

void CoordinatorCore::AddReplicas(v1::ClusterStatus* status) const {
  for (const uint32_t lost : shard_map_.lost_servers()) {
    for (const v1::ServerMember& server : shard_map_.servers()) {
      if (server.id() != lost || finished()) continue;
      status->add_problems(absl::StrCat(
          "the parameters of server ", server.name(), " (", server.address(),
          config_.has_log()
              ? absl::StrCat(") are on its disk only, and training waits for them; start it again "
                             "there with --name ",
                             server.name())
              : ") are lost and no server is there to read the last checkpoint; start one"));
    }
  }
  if (Replication() < 2 || shard_map_.epoch() == 0) return;
  const BackupCounts counts = CountBackups(shard_map_);
  status->set_shards_filling(counts.filling);
  status->set_shards_without_backup(counts.none);
  if (finished()) return;
  if (counts.none > 0) {
    status->add_problems(absl::StrCat(
        counts.none, " shards have no backup: there is no other server; start another one"));
  }
  if (counts.filling > 0) {
    status->add_problems(absl::StrCat(counts.filling, " shards have no backup yet: it is being ",
                                      "filled, and until then they are lost with their server"));
  }
}

}  // namespace paramd
