#include "server/coordinator/shard_planner.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <tuple>

namespace paramd {
namespace {

// How many shards of one table each server may keep. Every server gets floor(shards / servers); the
// remainder goes, one each, to the servers that hold the fewest shards of the tables before this
// one, among equals to those that hold the most of this one already.
std::map<uint32_t, size_t> Quotas(size_t shards, absl::Span<const uint32_t> servers,
                                  const std::map<uint32_t, size_t>& total_before,
                                  const std::map<uint32_t, size_t>& held) {
  std::vector<uint32_t> order(servers.begin(), servers.end());
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return std::make_tuple(total_before.at(a), held.at(b), a) <
           std::make_tuple(total_before.at(b), held.at(a), b);
  });
  std::map<uint32_t, size_t> quotas;
  for (size_t i = 0; i < order.size(); ++i) {
    quotas[order[i]] = shards / order.size() + (i < shards % order.size() ? 1 : 0);
  }
  return quotas;
}

}  // namespace

std::vector<std::vector<uint32_t>> PlanShards(const std::vector<std::vector<uint32_t>>& current,
                                              absl::Span<const uint32_t> servers) {
  std::map<uint32_t, size_t> total;
  for (const uint32_t server : servers) total[server] = 0;

  std::vector<std::vector<uint32_t>> plan;
  for (const std::vector<uint32_t>& table : current) {
    std::map<uint32_t, size_t> held;
    for (const uint32_t server : servers) held[server] = 0;
    for (const uint32_t server : table) {
      if (auto found = held.find(server); found != held.end()) ++found->second;
    }
    std::map<uint32_t, size_t> left = Quotas(table.size(), servers, total, held);

    std::vector<uint32_t> placed(table.size(), 0);
    for (size_t shard = 0; shard < table.size(); ++shard) {
      const auto quota = left.find(table[shard]);
      if (quota == left.end() || quota->second == 0) continue;
      placed[shard] = table[shard];
      --quota->second;
    }
    auto next = left.begin();
    for (uint32_t& server : placed) {
      if (server == 0) {
        while (next->second == 0) ++next;
        server = next->first;
        --next->second;
      }
      ++total[server];
    }
    plan.push_back(std::move(placed));
  }
  return plan;
}

}  // namespace paramd
