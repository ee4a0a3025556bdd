#include "server/coordinator/shard_traffic.h"

#include <algorithm>

namespace paramd {

void ShardTraffic::Add(uint32_t server, const v1::ServerReport& report, absl::Duration now) {
  const auto [entry, is_new] = servers_.try_emplace(server);
  Begin& begin = entry->second;
  const double seconds = absl::ToDoubleSeconds(now - begin.at);
  const bool ends = !is_new && now - begin.at >= window_;
  for (const v1::ShardReport& shard : report.shards()) {
    ShardCost& cost = costs_[{shard.table(), shard.shard()}];
    cost.bytes = shard.bytes();
    const auto before = begin.rows.find({shard.table(), shard.shard()});
    const uint64_t rows = shard.pushed_rows() + shard.pulled_rows();
    if (ends && before != begin.rows.end() && rows >= before->second) {
      cost.rows_per_second = static_cast<double>(rows - before->second) / seconds;
    }
  }
  if (!is_new && !ends) return;
  begin.at = now;
  begin.windows += ends;
  begin.rows.clear();
  for (const v1::ShardReport& shard : report.shards()) {
    begin.rows[{shard.table(), shard.shard()}] = shard.pushed_rows() + shard.pulled_rows();
  }
}

bool ShardTraffic::TakeRound(absl::Span<const uint32_t> servers) {
  const bool all = std::all_of(servers.begin(), servers.end(),
                               [this](uint32_t server) { return servers_[server].windows > 0; });
  if (!all) return false;
  for (const uint32_t server : servers) servers_[server].windows = 0;
  return true;
}

}  // namespace paramd
