#include "server/coordinator/replica_planner.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <tuple>

namespace paramd {
namespace {

// How many shards each server holds, as primary or backup.
std::map<uint32_t, uint32_t> Held(const v1::ShardMap& map) {
  std::map<uint32_t, uint32_t> held;
  for (const v1::TablePlacement& table : map.tables()) {
    for (const uint32_t server : table.shard_servers()) ++held[server];
    for (const v1::ShardBackups& shard : table.backups()) {
      for (const v1::ShardBackup& backup : shard.backups()) ++held[backup.server()];
    }
  }
  return held;
}

const std::string& ZoneOf(uint32_t server, absl::Span<const ServerPlace> servers) {
  static const std::string unknown;
  const auto found = std::find_if(servers.begin(), servers.end(),
                                  [&](const ServerPlace& place) { return place.id == server; });
  return found == servers.end() ? unknown : found->zone;
}

bool IsDraining(uint32_t server, absl::Span<const ServerPlace> servers) {
  return std::any_of(servers.begin(), servers.end(), [&](const ServerPlace& place) {
    return place.id == server && place.draining;
  });
}

bool IsMoving(const v1::TablePlacement& table, int shard) {
  return std::any_of(table.moves().begin(), table.moves().end(), [&](const auto& move) {
    return move.shard() == static_cast<uint32_t>(shard);
  });
}

void ForgetMove(int shard, v1::TablePlacement* table) {
  auto* const moves = table->mutable_moves();
  moves->erase(std::remove_if(moves->begin(), moves->end(),
                              [&](const v1::ShardReplica& move) {
                                return move.shard() == static_cast<uint32_t>(shard);
                              }),
               moves->end());
}

void AddBackup(uint32_t server, bool filled, const v1::ShardMap& map, v1::ShardBackups* backups) {
  v1::ShardBackup& backup = *backups->add_backups();
  backup.set_server(server);
  backup.set_filled(filled);
  backup.set_since(map.epoch() + 1);
}

// The backup of a shard that can be spared, by its place in the list; none: -1.
int SpareBackup(const v1::TablePlacement& table, int shard, absl::Span<const ServerPlace> servers,
                uint32_t count) {
  const auto& backups = table.backups(shard).backups();
  const uint32_t primary = table.shard_servers(shard);
  const bool others = std::any_of(servers.begin(), servers.end(), [&](const ServerPlace& place) {
    return place.id != primary && !place.draining;
  });
  int worst = -1;
  const auto cost = [&](int i) {
    const uint32_t server = backups.Get(i).server();
    return std::make_tuple(IsDraining(server, servers),
                           ZoneOf(server, servers) == ZoneOf(primary, servers), i);
  };
  for (int i = 0; i < backups.size(); ++i) {
    uint32_t left = 0;
    for (int other = 0; other < backups.size(); ++other) {
      left += other != i && backups.Get(other).filled() &&
              !IsDraining(backups.Get(other).server(), servers);
    }
    const bool spare = static_cast<uint32_t>(backups.size()) > count && left >= count;
    const bool leaves = IsDraining(backups.Get(i).server(), servers) && !others;
    if ((spare || leaves) && (worst < 0 || cost(i) > cost(worst))) worst = i;
  }
  return worst;
}

}  // namespace

bool PlaceBackups(absl::Span<const ServerPlace> servers, bool filled, v1::ShardMap* map) {
  if (servers.size() < 2) return false;
  std::map<uint32_t, uint32_t> held = Held(*map);
  bool changed = false;
  for (v1::TablePlacement& table : *map->mutable_tables()) {
    while (table.backups_size() < table.shard_servers_size()) table.add_backups();
    for (int shard = 0; shard < table.shard_servers_size(); ++shard) {
      v1::ShardBackups& backups = *table.mutable_backups(shard);
      const uint32_t primary = table.shard_servers(shard);
      // Nobody could fill one whose primary is gone.
      const bool lives = std::any_of(servers.begin(), servers.end(),
                                     [&](const ServerPlace& place) { return place.id == primary; });
      const bool has = std::any_of(
          backups.backups().begin(), backups.backups().end(),
          [&](const v1::ShardBackup& backup) { return !IsDraining(backup.server(), servers); });
      if (!lives || has) continue;
      const std::string& zone = ZoneOf(primary, servers);
      const ServerPlace* best = nullptr;
      const auto cost = [&](const ServerPlace& place) {
        return std::make_tuple(place.zone == zone, held[place.id], place.id);
      };
      for (const ServerPlace& place : servers) {
        if (place.id == primary || place.draining) continue;
        if (best == nullptr || cost(place) < cost(*best)) best = &place;
      }
      if (best == nullptr) continue;
      AddBackup(best->id, filled, *map, &backups);
      ++held[best->id];
      changed = true;
    }
  }
  return changed;
}

bool DropSpareBackups(absl::Span<const ServerPlace> servers, uint32_t count, v1::ShardMap* map) {
  bool any = false;
  for (v1::TablePlacement& table : *map->mutable_tables()) {
    for (int shard = 0; shard < table.backups_size(); ++shard) {
      if (IsMoving(table, shard)) continue;
      for (int spare; (spare = SpareBackup(table, shard, servers, count)) >= 0;) {
        table.mutable_backups(shard)->mutable_backups()->DeleteSubrange(spare, 1);
        any = true;
      }
    }
  }
  return any;
}

void BeginMove(uint32_t table_number, uint32_t shard, uint32_t to, v1::ShardMap* map) {
  v1::TablePlacement& table = *map->mutable_tables(static_cast<int>(table_number));
  while (table.backups_size() < table.shard_servers_size()) table.add_backups();
  v1::ShardBackups& backups = *table.mutable_backups(static_cast<int>(shard));
  if (std::none_of(backups.backups().begin(), backups.backups().end(),
                   [&](const v1::ShardBackup& backup) { return backup.server() == to; })) {
    AddBackup(to, false, *map, &backups);
  }
  v1::ShardReplica& move = *table.add_moves();
  move.set_table(table_number);
  move.set_shard(shard);
  move.set_server(to);
}

bool EndMove(uint32_t from, const v1::ShardReplica& released, v1::ShardMap* map) {
  if (released.table() >= static_cast<uint32_t>(map->tables_size())) return false;
  v1::TablePlacement& table = *map->mutable_tables(static_cast<int>(released.table()));
  if (std::none_of(table.moves().begin(), table.moves().end(), [&](const v1::ShardReplica& move) {
        return move.shard() == released.shard() && move.server() == released.server();
      })) {
    return false;
  }
  const auto shard = static_cast<int>(released.shard());
  if (table.shard_servers(shard) != from) return false;
  for (v1::ShardBackup& backup : *table.mutable_backups(shard)->mutable_backups()) {
    if (backup.server() != released.server() || !backup.filled()) continue;
    backup.set_server(from);
    backup.set_since(map->epoch() + 1);
    table.set_shard_servers(shard, released.server());
    ForgetMove(shard, &table);
    return true;
  }
  return false;
}

bool HoldsShards(uint32_t server, const v1::ShardMap& map) { return Held(map).contains(server); }

uint32_t RemoveServer(uint32_t server, v1::ShardMap* map) {
  uint32_t lost = 0;
  for (v1::TablePlacement& table : *map->mutable_tables()) {
    for (int shard = 0; shard < table.shard_servers_size(); ++shard) {
      auto* const backups =
          shard < table.backups_size() ? table.mutable_backups(shard)->mutable_backups() : nullptr;
      if (backups != nullptr) {
        backups->erase(std::remove_if(backups->begin(), backups->end(),
                                      [&](const v1::ShardBackup& backup) {
                                        return backup.server() == server;
                                      }),
                       backups->end());
      }
      auto* const moves = table.mutable_moves();
      moves->erase(
          std::remove_if(moves->begin(), moves->end(),
                         [&](const v1::ShardReplica& move) { return move.server() == server; }),
          moves->end());
      if (table.shard_servers(shard) != server) continue;
      ForgetMove(shard, &table);
      const auto next = backups == nullptr
                            ? decltype(backups->begin())()
                            : std::find_if(backups->begin(), backups->end(),
                                           [](const v1::ShardBackup& b) { return b.filled(); });
      if (backups == nullptr || next == backups->end()) {
        ++lost;
        continue;
      }
      table.set_shard_servers(shard, next->server());
      // The others were being filled by the one that is gone, and begin anew.
      backups->Clear();
    }
  }
  auto* const members = map->mutable_servers();
  members->erase(
      std::remove_if(members->begin(), members->end(),
                     [&](const v1::ServerMember& member) { return member.id() == server; }),
      members->end());
  return lost;
}

void TakeBack(uint32_t lost, uint32_t back, const v1::HeldLog& held, v1::ShardMap* map) {
  for (const v1::LoggedShard& logged : held.shards()) {
    if (logged.table() >= static_cast<uint32_t>(map->tables_size())) continue;
    v1::TablePlacement& table = *map->mutable_tables(static_cast<int>(logged.table()));
    const auto shard = static_cast<int>(logged.shard());
    if (logged.shard() >= static_cast<uint32_t>(table.shard_servers_size())) continue;
    if (table.shard_servers(shard) != lost) continue;
    table.set_shard_servers(shard, back);
    if (shard < table.backups_size()) table.mutable_backups(shard)->clear_backups();
  }
  for (const v1::TablePlacement& table : map->tables()) {
    const auto& servers = table.shard_servers();
    // Some are missing still.
    if (std::find(servers.begin(), servers.end(), lost) != servers.end()) return;
  }
  auto* const waited_for = map->mutable_lost_servers();
  waited_for->erase(std::remove(waited_for->begin(), waited_for->end(), lost), waited_for->end());
  RemoveServer(lost, map);
}

bool MarkFilled(uint32_t primary, const v1::ShardReplica& replica, v1::ShardMap* map) {
  if (replica.table() >= static_cast<uint32_t>(map->tables_size())) return false;
  v1::TablePlacement& table = *map->mutable_tables(static_cast<int>(replica.table()));
  if (replica.shard() >= static_cast<uint32_t>(table.backups_size())) return false;
  const auto shard = static_cast<int>(replica.shard());
  if (table.shard_servers(shard) != primary) return false;
  for (v1::ShardBackup& backup : *table.mutable_backups(shard)->mutable_backups()) {
    if (backup.server() != replica.server() || backup.since() != replica.since()) continue;
    if (backup.filled()) return false;
    backup.set_filled(true);
    return true;
  }
  return false;
}

BackupCounts CountBackups(const v1::ShardMap& map) {
  BackupCounts counts;
  for (const v1::TablePlacement& table : map.tables()) {
    for (int shard = 0; shard < table.shard_servers_size(); ++shard) {
      if (shard >= table.backups_size() || table.backups(shard).backups().empty()) {
        ++counts.none;
        continue;
      }
      const auto& backups = table.backups(shard).backups();
      counts.filling += std::none_of(backups.begin(), backups.end(),
                                     [](const v1::ShardBackup& b) { return b.filled(); });
    }
  }
  return counts;
}

}  // namespace paramd
