#include "server/table/pulled_rows.h"

#include <algorithm>
#include <vector>

#include "absl/types/span.h"

namespace paramd {
namespace {

template <typename Map>
std::vector<typename Map::key_type> SortedKeys(const Map& map) {
  std::vector<typename Map::key_type> keys;
  keys.reserve(map.size());
  for (const auto& [key, value] : map) keys.push_back(key);
  std::sort(keys.begin(), keys.end());
  return keys;
}

}  // namespace

void PulledRows::Keep(uint32_t client, uint64_t clock, uint64_t row, const float* values) {
  Row& kept = clients_[client][row];
  if (kept.values == nullptr) kept.values = std::make_unique<float[]>(size_t{2} * dim_);
  float* const last = kept.values.get();
  if (kept.clocks[0].has_value() && *kept.clocks[0] != clock) {
    kept.clocks[1] = kept.clocks[0];
    std::copy_n(last, dim_, last + dim_);
  }
  kept.clocks[0] = clock;
  std::copy_n(values, dim_, last);
}

const float* PulledRows::Find(uint32_t client, uint64_t clock, uint64_t row) const {
  const auto rows = clients_.find(client);
  if (rows == clients_.end()) return nullptr;
  const auto found = rows->second.find(row);
  if (found == rows->second.end()) return nullptr;
  const Row& kept = found->second;
  for (size_t i = 0; i < kept.clocks.size(); ++i) {
    if (kept.clocks[i].has_value() && *kept.clocks[i] <= clock) return &kept.values[i * dim_];
  }
  return nullptr;
}

std::vector<PulledRows::Pull> PulledRows::All() const {
  std::vector<Pull> all;
  for (const auto& [client, rows] : clients_) {
    for (const auto& [row, kept] : rows) {
      for (const size_t i : {1, 0}) {
        if (!kept.clocks[i].has_value()) continue;
        const float* const values = &kept.values[i * dim_];
        all.push_back({.client = client,
                       .clock = *kept.clocks[i],
                       .row = row,
                       .values = {values, values + dim_}});
      }
    }
  }
  return all;
}

uint64_t PulledRows::bytes() const {
  uint64_t bytes = 0;
  for (const auto& [client, rows] : clients_) {
    bytes +=
        rows.capacity() * (sizeof(Rows::value_type) + 1) + rows.size() * 2 * dim_ * sizeof(float);
  }
  return bytes;
}

void PulledRows::AddTo(Hasher& hasher) const {
  hasher.AddValues(uint64_t{clients_.size()});
  for (const uint32_t client : SortedKeys(clients_)) {
    const Rows& rows = clients_.at(client);
    hasher.AddValues(client, uint64_t{rows.size()});
    for (const uint64_t row : SortedKeys(rows)) {
      const Row& kept = rows.at(row);
      hasher.AddValues(row, kept.clocks[0].value_or(UINT64_MAX),
                       kept.clocks[1].value_or(UINT64_MAX));
      hasher.Add(absl::Span<const float>(kept.values.get(), size_t{2} * dim_));
    }
  }
}

}  // namespace paramd
