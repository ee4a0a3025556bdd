#include "server/coordinator/move_planner.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace paramd {
namespace {

enum class Measure { kTraffic, kBytes, kShards };

struct Entry {
  uint32_t table = 0;
  uint32_t shard = 0;
  uint32_t server = 0;
  std::vector<uint32_t> backups;
  bool moving = false;
  ShardCost cost;
};

double LoadOf(const Entry& entry, Measure measure) {
  switch (measure) {
    case Measure::kTraffic:
      return entry.cost.rows_per_second;
    case Measure::kBytes:
      return static_cast<double>(entry.cost.bytes);
    case Measure::kShards:
      return 1;
  }
  return 0;
}

std::string Describe(double load, Measure measure) {
  switch (measure) {
    case Measure::kTraffic:
      return absl::StrFormat("takes %.0f rows a second", load);
    case Measure::kBytes:
      return absl::StrFormat("holds %.0f bytes", load);
    case Measure::kShards:
      return absl::StrFormat("has %.0f shards", load);
  }
  return "";
}

class Planner {
 public:
  Planner(absl::Span<const ServerPlace> servers, const v1::ShardMap& map, const ShardCosts& costs,
          const MoveLimits& limits)
      : limits_(limits) {
    for (const ServerPlace& server : servers) {
      servers_[server.id] = server;
      if (!server.draining) staying_.push_back(server.id);
    }
    for (int table = 0; table < map.tables_size(); ++table) {
      for (int i = 0; i < map.tables(table).shard_servers_size(); ++i)
        AddEntry(map, table, i, costs);
    }
    for (const uint32_t server : staying_) zones_.insert(servers_[server].zone);
  }

  MovePlan Plan() {
    const std::vector<Entry> begin = entries_;
    if (!staying_.empty()) {
      LeaveDraining();
      if (Total(Measure::kTraffic) > 0) Balance(Measure::kTraffic);
      if (Total(Measure::kBytes) > 0) {
        Balance(Measure::kBytes);
      } else if (Total(Measure::kTraffic) == 0) {
        Balance(Measure::kShards);
      }
    }
    MovePlan plan;
    const size_t room = limits_.most - std::min(limits_.most, under_way_);
    if (moves_.size() > room) moves_.resize(room);
    plan.moves = moves_;
    plan.loads = Loads(begin, plan.moves);
    return plan;
  }

 private:
  void AddEntry(const v1::ShardMap& map, int table, int i, const ShardCosts& costs) {
    const v1::TablePlacement& placement = map.tables(table);
    Entry entry = {.table = static_cast<uint32_t>(table),
                   .shard = static_cast<uint32_t>(i),
                   .server = placement.shard_servers(i)};
    if (i < placement.backups_size()) {
      for (const v1::ShardBackup& backup : placement.backups(i).backups()) {
        entry.backups.push_back(backup.server());
      }
    }
    for (const v1::ShardReplica& move : placement.moves()) {
      if (move.shard() != entry.shard) continue;
      entry.server = move.server();
      entry.moving = true;
      ++under_way_;
    }
    const auto cost = costs.find({entry.table, entry.shard});
    if (cost != costs.end()) entry.cost = cost->second;
    // Nobody can move what a server has that is gone.
    if (servers_.contains(entry.server)) entries_.push_back(std::move(entry));
  }

  double Total(Measure measure) const {
    double total = 0;
    for (const Entry& entry : entries_) total += LoadOf(entry, measure);
    return total;
  }

  std::map<uint32_t, double> LoadsBy(Measure measure) const {
    std::map<uint32_t, double> loads;
    for (const uint32_t server : staying_) loads[server] = 0;
    for (const Entry& entry : entries_) {
      if (const auto load = loads.find(entry.server); load != loads.end()) {
        load->second += LoadOf(entry, measure);
      }
    }
    return loads;
  }

  // Whether the shard and a backup of it would be in two zones with this primary. Of the servers
  // that have it now one stays its backup.
  bool ZonesDiffer(const Entry& entry, uint32_t to) {
    if (zones_.size() < 2) return true;
    std::vector<uint32_t> others = entry.backups;
    if (others.empty()) return true;
    if (!servers_[entry.server].draining) others.push_back(entry.server);
    return std::any_of(others.begin(), others.end(), [&](uint32_t other) {
      return other != to && servers_.contains(other) && !servers_[other].draining &&
             servers_[other].zone != servers_[to].zone;
    });
  }

  void Move(Entry& entry, uint32_t to, std::string reason) {
    moves_.push_back({.table = entry.table,
                      .shard = entry.shard,
                      .from = entry.server,
                      .to = to,
                      .reason = std::move(reason)});
    // It moves once in a plan.
    entry.server = to;
    entry.moving = true;
  }

  void LeaveDraining() {
    std::vector<Entry*> leaving;
    for (Entry& entry : entries_) {
      if (servers_[entry.server].draining && !entry.moving) leaving.push_back(&entry);
    }
    // The busiest first.
    std::stable_sort(leaving.begin(), leaving.end(), [](const Entry* a, const Entry* b) {
      return std::make_pair(a->cost.rows_per_second, a->cost.bytes) >
             std::make_pair(b->cost.rows_per_second, b->cost.bytes);
    });
    std::map<uint32_t, double> traffic = LoadsBy(Measure::kTraffic);
    std::map<uint32_t, double> bytes = LoadsBy(Measure::kBytes);
    std::map<uint32_t, double> shards = LoadsBy(Measure::kShards);
    for (Entry* const entry : leaving) {
      const auto cost = [&](uint32_t server) {
        const bool backup = std::count(entry->backups.begin(), entry->backups.end(), server) > 0;
        return std::make_tuple(!ZonesDiffer(*entry, server), traffic[server], bytes[server],
                               shards[server], !backup, server);
      };
      const uint32_t to =
          *std::min_element(staying_.begin(), staying_.end(),
                            [&](uint32_t a, uint32_t b) { return cost(a) < cost(b); });
      traffic[to] += LoadOf(*entry, Measure::kTraffic);
      bytes[to] += LoadOf(*entry, Measure::kBytes);
      shards[to] += 1;
      Move(*entry, to, absl::StrCat(servers_[entry->server].name, " is to leave"));
    }
  }

  static double Largest(const std::map<uint32_t, double>& loads) {
    double largest = 0;
    for (const auto& [server, load] : loads) largest = std::max(largest, load);
    return largest;
  }
  static double Smallest(const std::map<uint32_t, double>& loads) {
    double smallest = loads.begin()->second;
    for (const auto& [server, load] : loads) smallest = std::min(smallest, load);
    return smallest;
  }

  // Makes moves until the loads are within the limits, if that is worth it.
  void Balance(Measure measure) {
    const std::vector<Entry> entries_before = entries_;
    const size_t moves_before = moves_.size();
    std::map<uint32_t, double> loads = LoadsBy(measure);
    const double largest = Largest(loads), smallest = Smallest(loads);
    double mean = 0;
    for (const auto& [server, load] : loads) mean += load / static_cast<double>(loads.size());
    std::map<uint32_t, double> traffic = LoadsBy(Measure::kTraffic);
    const double most_traffic =
        std::max(Largest(traffic), (1 + limits_.imbalance) * Total(Measure::kTraffic) /
                                       static_cast<double>(staying_.size()));
    while (Largest(loads) > (1 + limits_.imbalance) * mean ||
           Smallest(loads) < (1 - limits_.imbalance) * mean) {
      const std::optional<std::pair<Entry*, uint32_t>> best =
          BestMove(measure, loads, traffic, most_traffic);
      if (!best.has_value()) break;
      auto& [entry, to] = *best;
      const double load = loads[entry->server];
      const std::string reason =
          absl::StrFormat("%s %s, %.0f %% of the mean", servers_[entry->server].name,
                          Describe(load, measure), 100 * load / mean);
      loads[entry->server] -= LoadOf(*entry, measure);
      loads[to] += LoadOf(*entry, measure);
      traffic[entry->server] -= entry->cost.rows_per_second;
      traffic[to] += entry->cost.rows_per_second;
      Move(*entry, to, reason);
    }
    const double gain = limits_.gain * mean;
    if (Largest(loads) <= largest - gain || Smallest(loads) >= smallest + gain) return;
    entries_ = entries_before;
    moves_.resize(moves_before);
  }

  // From the server with the largest load: what makes the larger load of the two servers smallest.
  std::optional<std::pair<Entry*, uint32_t>> BestMove(Measure measure,
                                                      const std::map<uint32_t, double>& loads,
                                                      const std::map<uint32_t, double>& traffic,
                                                      double most_traffic) {
    const auto from =
        std::max_element(loads.begin(), loads.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    std::optional<std::pair<Entry*, uint32_t>> best;
    double best_load = from->second;
    for (Entry& entry : entries_) {
      if (entry.server != from->first || entry.moving) continue;
      const double load = LoadOf(entry, measure);
      if (load <= 0) continue;
      for (const auto& [to, to_load] : loads) {
        const double larger = std::max(from->second - load, to_load + load);
        if (to == from->first || larger >= best_load || !ZonesDiffer(entry, to)) continue;
        if (measure == Measure::kBytes &&
            traffic.at(to) + entry.cost.rows_per_second > most_traffic) {
          continue;
        }
        best = {&entry, to};
        best_load = larger;
      }
    }
    return best;
  }

  std::vector<PlannedLoad> Loads(const std::vector<Entry>& entries,
                                 const std::vector<PlannedMove>& moves) const {
    std::map<uint32_t, PlannedLoad> loads;
    for (const auto& [id, server] : servers_) loads[id].server = id;
    const auto add = [](const ShardCost& cost, ShardCost* sum) {
      sum->bytes += cost.bytes;
      sum->rows_per_second += cost.rows_per_second;
    };
    for (const Entry& entry : entries) {
      const auto moved = std::find_if(moves.begin(), moves.end(), [&](const PlannedMove& move) {
        return move.table == entry.table && move.shard == entry.shard;
      });
      add(entry.cost, &loads[entry.server].before);
      add(entry.cost, &loads[moved == moves.end() ? entry.server : moved->to].after);
    }
    std::vector<PlannedLoad> list;
    for (const auto& [server, load] : loads) list.push_back(load);
    return list;
  }

  const MoveLimits limits_;
  std::map<uint32_t, ServerPlace> servers_;
  std::vector<uint32_t> staying_;
  std::set<std::string> zones_;  // of those
  std::vector<Entry> entries_;
  std::vector<PlannedMove> moves_;
  size_t under_way_ = 0;
};

}  // namespace

MovePlan PlanMoves(absl::Span<const ServerPlace> servers, const v1::ShardMap& map,
                   const ShardCosts& costs, const MoveLimits& limits) {
  return Planner(servers, map, costs, limits).Plan();
}

}  // namespace paramd
