#include "server/coordinator/checkpoint_round.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace paramd {
namespace {

using Place = std::pair<uint32_t, uint32_t>;  // epoch, partition

void Free(v1::WorkItem* item) {
  item->clear_other_lease();
  item->clear_other_worker();
  if (item->state() != v1::WorkItem::GRANTED) return;
  item->set_state(v1::WorkItem::PENDING);
  item->clear_lease();
  item->clear_worker();
}

std::set<Place> ShardsOf(const v1::CheckpointWritten& written) {
  std::set<Place> shards;
  for (const v1::CheckpointFile& file : written.files()) {
    for (const v1::LoggedShard& shard : file.shards()) {
      shards.emplace(shard.table(), shard.shard());
    }
  }
  return shards;
}

}  // namespace

CheckpointRound::CheckpointRound(v1::CoordinatorState state, const LeasePositions& leases,
                                 uint64_t step, absl::Duration now)
    : state_(std::move(state)), step_(step), begun_(now) {
  for (const auto& [number, lease] : leases.leases()) batches_[number] = lease.batches;
  for (const v1::TablePlacement& table : state_.shard_map().tables()) {
    waiting_.insert(table.shard_servers().begin(), table.shard_servers().end());
  }
}

void CheckpointRound::Take(uint32_t server, const v1::CheckpointWritten& written) {
  if (waiting_.erase(server) == 0) return;
  if (error_.empty()) error_ = written.error();
  written_[server] = written;
}

absl::Status CheckpointRound::CheckFiles(const v1::ShardMap& map) const {
  std::map<uint32_t, std::set<Place>> wanted;
  for (int table = 0; table < map.tables_size(); ++table) {
    const auto& servers = map.tables(table).shard_servers();
    for (int shard = 0; shard < servers.size(); ++shard) {
      wanted[servers.Get(shard)].emplace(table, shard);
    }
  }
  for (const auto& [server, shards] : wanted) {
    const auto written = written_.find(server);
    if (written == written_.end() || ShardsOf(written->second) != shards) {
      return absl::AbortedError("shards went to other servers while it was written");
    }
    if (step_ > 0 && written->second.step() != written_.begin()->second.step()) {
      return absl::AbortedError("servers were at different steps");
    }
  }
  return absl::OkStatus();
}

v1::WorkItem* CheckpointRound::Find(const LeasePositions::Lease& lease,
                                    v1::CoordinatorState* state) {
  for (v1::WorkItem& item : *state->mutable_work()->mutable_items()) {
    if (!item.evaluation() && item.epoch() == lease.epoch && item.partition() == lease.partition) {
      return &item;
    }
  }
  return nullptr;
}

absl::StatusOr<v1::CheckpointPayload> CheckpointRound::Payload(const LeasePositions& leases,
                                                               bool stripes) const {
  v1::CheckpointPayload payload;
  for (const auto& [server, written] : written_) {
    for (const v1::CheckpointFile& file : written.files()) *payload.add_files() = file;
    payload.set_step(std::max(payload.step(), written.step()));
    payload.set_clock(std::max({payload.clock(), written.clock() + 1, written.step()}));
  }
  v1::CoordinatorState& state = *payload.mutable_state();
  state = state_;
  for (v1::WorkItem& item : *state.mutable_work()->mutable_items()) Free(&item);
  std::map<Place, v1::PartitionPosition> positions;
  for (const v1::PartitionPosition& position : state_.positions()) {
    positions[{position.epoch(), position.partition()}] = position;
  }
  std::map<Place, uint64_t> batches_of;
  for (const auto& [number, lease] : leases.leases()) {
    if (!lease.first_clock.has_value()) continue;
    v1::WorkItem* const item = Find(lease, &state);
    v1::PartitionPosition position;
    position.set_epoch(lease.epoch);
    position.set_partition(lease.partition);
    position.set_client(lease.client);
    position.set_incarnation(lease.incarnation);
    if (step_ > 0) {
      // Nothing of it is in the shards.
      if (*lease.first_clock >= payload.step()) continue;
      if (lease.completed && lease.clock() <= payload.step() && item != nullptr) {
        item->set_state(v1::WorkItem::COMPLETED);
        item->set_records(lease.records);
        item->set_bad_records(lease.bad_records);
        positions.erase({lease.epoch, lease.partition});
        continue;
      }
      position.set_clock(lease.completed ? std::min(lease.clock(), payload.step())
                                         : payload.step());
    } else {
      const auto at_begin = batches_.find(number);
      const uint64_t batches = at_begin == batches_.end() ? lease.skipped : at_begin->second;
      position.set_clock(*lease.first_clock + batches - lease.skipped);
    }
    if (item == nullptr && stripes) {
      return absl::AbortedError("the next epoch began while it was written");
    }
    position.set_batches(lease.skipped + position.clock() - *lease.first_clock);
    // Of two workers at the same partition the one that is further.
    uint64_t& furthest = batches_of[{lease.epoch, lease.partition}];
    if (position.batches() < furthest) continue;
    furthest = position.batches();
    positions[{lease.epoch, lease.partition}] = std::move(position);
  }
  state.clear_positions();
  for (const auto& [place, position] : positions) *state.add_positions() = position;
  return payload;
}

v1::CoordinatorState RestoredState(const v1::CheckpointPayload& payload, uint64_t number) {
  v1::CoordinatorState state = payload.state();
  state.set_state(v1::CREATED);
  state.set_phase(v1::WAITING_FOR_MEMBERS);
  state.clear_view_version();
  state.clear_members();
  state.clear_saving();
  state.clear_config_fingerprint();
  state.set_restored_from(number);
  state.set_last_checkpoint(number);
  v1::ShardMap& map = *state.mutable_shard_map();
  map.clear_servers();
  map.clear_job();
  map.clear_lost_servers();
  map.set_clock(payload.clock());
  for (v1::TablePlacement& table : *map.mutable_tables()) {
    table.clear_backups();
    table.clear_moves();
    table.clear_loads();
    for (int shard = 0; shard < table.shard_servers_size(); ++shard) {
      table.set_shard_servers(shard, 0);
      v1::ShardLoad& load = *table.add_loads();
      load.set_shard(static_cast<uint32_t>(shard));
      load.set_checkpoint(number);
    }
  }
  return state;
}

}  // namespace paramd
