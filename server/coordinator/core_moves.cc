// The part of CoordinatorCore that moves shards of a running job, and lets members go.

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/config/duration.h"
#include "server/coordinator/core.h"

namespace paramd {
namespace {

// Reports between which rates are measured.
constexpr int kTrafficHeartbeats = 10;

bool HasMoves(const v1::ShardMap& map) {
  return std::any_of(map.tables().begin(), map.tables().end(),
                     [](const v1::TablePlacement& table) { return table.moves_size() > 0; });
}

bool ServesShards(uint32_t server, const v1::ShardMap& map) {
  return std::any_of(map.tables().begin(), map.tables().end(), [&](const auto& table) {
    const auto& servers = table.shard_servers();
    return std::find(servers.begin(), servers.end(), server) != servers.end();
  });
}

// A step would be made of other examples on one server than on another.
bool WantsOneServer(const v1::ShardMap& map) {
  return std::any_of(map.tables().begin(), map.tables().end(), [](const auto& table) {
    return table.spec().consistency().backup_workers() > 0;
  });
}

}  // namespace

absl::Duration CoordinatorCore::TrafficWindow(const v1::Config& config) {
  return kTrafficHeartbeats * ToDuration(config.cluster().heartbeat().interval());
}

std::vector<ServerPlace> CoordinatorCore::Places() const {
  std::vector<ServerPlace> places;
  for (const Member& member : membership_.members()) {
    const v1::MemberRecord& record = member.record;
    if (record.role() != v1::SHARD_HOST || !member.live()) continue;
    // One that joins just now is not in the map yet: nobody would find it.
    const auto& servers = shard_map_.servers();
    if (std::none_of(servers.begin(), servers.end(),
                     [&](const v1::ServerMember& server) { return server.id() == record.id(); })) {
      continue;
    }
    places.push_back({.id = record.id(),
                      .zone = record.zone().empty() ? record.host() : record.zone(),
                      .name = record.name(),
                      .draining = record.draining()});
  }
  return places;
}

bool CoordinatorCore::MayMove() const {
  return job_.state() == v1::RUNNING && !saving_ && shard_map_.lost_servers().empty() &&
         !WantsOneServer(shard_map_);
}

void CoordinatorCore::MoveShards(absl::Duration now) {
  if (!MayMove()) return;
  bool changed = PlaceMissingBackups(false);
  // The servers that they went to have said that they serve them.
  const bool dropped = ViewApplied() && DropSpareBackups(Places(), Replication() - 1, &shard_map_);
  changed |= dropped;
  if (!dropped && !HasMoves(shard_map_) && MovesAreDue()) {
    const MovePlan plan = PlanMoves(Places(), shard_map_, traffic_.costs());
    for (const PlannedMove& move : plan.moves) {
      BeginMove(move.table, move.shard, move.to, &shard_map_);
    }
    balancing_ = !plan.moves.empty();
    changed |= balancing_;
  }
  if (changed) {
    shard_map_.set_epoch(shard_map_.epoch() + 1);
    BroadcastView();
  }
  for (Member* server : membership_.Live(v1::SHARD_HOST)) {
    if (server->record.draining() && !HoldsShards(server->record.id(), shard_map_)) {
      LetGo(*server, now);
    }
  }
}

bool CoordinatorCore::MovesAreDue() {
  std::vector<uint32_t> serving;
  bool at_once = balancing_;
  for (const ServerPlace& server : Places()) {
    const bool serves = ServesShards(server.id, shard_map_);
    if (serves) serving.push_back(server.id);
    // It is to leave, or has just come.
    at_once |= serves == server.draining;
  }
  if (at_once) return true;
  if (serving.size() < 2 || !traffic_.TakeRound(serving)) return false;
  // What is out of balance for a moment only stays where it is.
  const bool balanced = PlanMoves(Places(), shard_map_, traffic_.costs()).moves.empty();
  return std::exchange(out_of_balance_, !balanced) && !balanced;
}

void CoordinatorCore::HandleShardsReleased(const Member& server,
                                           const v1::ShardsReleased& released) {
  bool any = false;
  for (const v1::ShardReplica& shard : released.shards()) {
    any |= EndMove(server.record.id(), shard, &shard_map_);
  }
  if (!any || job_.state() != v1::RUNNING) return;
  shard_map_.set_epoch(shard_map_.epoch() + 1);
  BroadcastView();
}

absl::StatusOr<v1::DrainReply> CoordinatorCore::Drain(const v1::DrainRequest& request,
                                                      absl::Duration now, Actions* actions) {
  if (job_.state() != v1::RUNNING) {
    return absl::FailedPreconditionError("no job is running that a member could be drained from");
  }
  Member* drained = nullptr;
  size_t others = 0;
  for (Member* member : membership_.Live(request.role())) {
    if (member->record.name() == request.name()) {
      drained = member;
    } else {
      others += !member->record.draining();
    }
  }
  if (drained == nullptr) {
    return absl::NotFoundError(absl::StrCat("there is no live ",
                                            request.role() == v1::WORKER ? "worker" : "server",
                                            " of the name ", request.name()));
  }
  if (request.role() == v1::WORKER && others < config_.cluster().workers().min()) {
    return absl::FailedPreconditionError(
        absl::StrCat(drained->Describe(), " cannot be drained: without it there are ", others,
                     " workers, and cluster.workers wants ", config_.cluster().workers().min(),
                     "; start another one first"));
  }
  if (request.role() == v1::SHARD_HOST && others == 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(drained->Describe(), " cannot be drained: there is no other server that ",
                     "stays and could take its shards; start another one first"));
  }
  if (request.role() == v1::SHARD_HOST && WantsOneServer(shard_map_)) {
    return absl::FailedPreconditionError(
        "consistency.backup_workers is for one server: shards cannot move to another one");
  }
  v1::DrainReply reply;
  for (const v1::TablePlacement& table : shard_map_.tables()) {
    for (int shard = 0; shard < table.shard_servers_size(); ++shard) {
      bool holds = table.shard_servers(shard) == drained->record.id();
      if (shard < table.backups_size()) {
        for (const v1::ShardBackup& backup : table.backups(shard).backups()) {
          holds |= backup.server() == drained->record.id();
        }
      }
      reply.set_shards(reply.shards() + (request.role() == v1::SHARD_HOST && holds));
    }
  }
  drained->record.set_draining(true);
  ++revision_;
  if (request.role() == v1::WORKER && drained->record.idle()) LetGo(*drained, now);
  *actions = TakeActions();
  return reply;
}

void CoordinatorCore::LetGo(Member& member, absl::Duration now) {
  // It would not hear it now: when it comes back.
  if (member.connection == 0) return;
  v1::CoordinatorMessage end;
  end.mutable_job()->set_state(v1::RUNNING);
  end.mutable_job()->set_message("it was drained");
  SendTo(member, std::move(end));
  member.state = v1::MemberStatus::LEFT;
  Lose(member, "it was drained", now);
}

v1::ShardPlan CoordinatorCore::DescribeMoves() const {
  std::map<uint32_t, std::string> names;
  for (const v1::ServerMember& server : shard_map_.servers()) names[server.id()] = server.name();
  v1::ShardPlan plan;
  const auto add = [&](uint32_t table, uint32_t shard, uint32_t from, uint32_t to,
                       const std::string& reason) {
    v1::ShardMove& move = *plan.add_moves();
    move.set_table(shard_map_.tables(static_cast<int>(table)).spec().name());
    move.set_shard(shard);
    move.set_from(names[from]);
    move.set_to(names[to]);
    move.set_reason(reason);
  };
  for (int table = 0; table < shard_map_.tables_size(); ++table) {
    for (const v1::ShardReplica& move : shard_map_.tables(table).moves()) {
      add(static_cast<uint32_t>(table), move.shard(),
          shard_map_.tables(table).shard_servers(static_cast<int>(move.shard())), move.server(),
          "is under way");
    }
  }
  if (job_.state() != v1::RUNNING || WantsOneServer(shard_map_)) return plan;
  const MovePlan planned = PlanMoves(Places(), shard_map_, traffic_.costs());
  for (const PlannedMove& move : planned.moves) {
    add(move.table, move.shard, move.from, move.to, move.reason);
  }
  for (const PlannedLoad& load : planned.loads) {
    v1::ServerLoad& server = *plan.add_servers();
    server.set_name(names[load.server]);
    server.set_bytes_before(load.before.bytes);
    server.set_bytes_after(load.after.bytes);
    server.set_rows_per_second_before(load.before.rows_per_second);
    server.set_rows_per_second_after(load.after.rows_per_second);
  }
  return plan;
}

}  // namespace paramd
