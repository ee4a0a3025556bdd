// The part of CoordinatorCore that has the shards held by servers that come and go.

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/exit_code.h"
#include "server/coordinator/core.h"
#include "server/coordinator/replica_planner.h"

namespace paramd {

uint32_t CoordinatorCore::Replication() const {
  const v1::Sharding& sharding = config_.sharding();
  if (sharding.has_replication()) return sharding.replication();
  return config_.cluster().servers() > 1 ? 2 : 1;
}

bool CoordinatorCore::PlaceMissingBackups(bool filled) {
  if (Replication() < 2) return false;
  std::vector<ServerPlace> places;
  for (const Member* server : membership_.Live(v1::SHARD_HOST)) {
    const v1::MemberRecord& record = server->record;
    places.push_back(
        {.id = record.id(), .zone = record.zone().empty() ? record.host() : record.zone()});
  }
  return PlaceBackups(places, filled, &shard_map_);
}

void CoordinatorCore::AddServer(const Member& server) {
  v1::ServerMember& entry = *shard_map_.add_servers();
  entry.set_id(server.record.id());
  entry.set_name(server.record.name());
  entry.set_address(server.record.address());
}

void CoordinatorCore::AddServerToRunningJob(const Member& server) {
  AddServer(server);
  PlaceMissingBackups(false);
  shard_map_.set_epoch(shard_map_.epoch() + 1);
  BroadcastView();
}

void CoordinatorCore::LoseServer(const Member& server, const std::string& why, absl::Duration now) {
  if (job_.state() != v1::RUNNING) return;
  const uint32_t lost = RemoveServer(server.record.id(), &shard_map_);
  if (lost > 0 && config_.has_log()) {
    // It may come back with its disk.
    AddServer(server);
    shard_map_.add_lost_servers(server.record.id());
  } else if (lost > 0) {
    Finish(v1::FAILED,
           absl::StrCat(server.Describe(), " was lost (", why, ") and the parameters of ", lost,
                        " shards with it, which no other server holds; start the job again"),
           kExitFailure, now);
    return;
  }
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
          ") are on its disk only, and training waits for them; start it again there with --name ",
          server.name()));
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
