#include "server/consistency/clock_tracker.h"

#include <algorithm>
#include <iterator>
#include <vector>

namespace paramd {

uint64_t ClockTracker::Attach(uint32_t client, uint64_t at_least) {
  return AttachAt(client, std::max(MinClock(), at_least));
}

uint64_t ClockTracker::AttachAt(uint32_t client, uint64_t clock) {
  const auto [it, inserted] = clocks_.try_emplace(client, clock);
  if (inserted) order_.emplace(clock, client);
  horizon_ = std::max(horizon_, clock);
  return it->second;
}

void ClockTracker::Advance(uint32_t client, uint64_t clock) {
  const auto it = clocks_.find(client);
  if (it == clocks_.end() || it->second >= clock) return;
  order_.erase({it->second, client});
  order_.emplace(clock, client);
  it->second = clock;
  horizon_ = std::max(horizon_, clock);
}

void ClockTracker::Detach(uint32_t client) {
  const auto it = clocks_.find(client);
  if (it == clocks_.end()) return;
  order_.erase({it->second, client});
  clocks_.erase(it);
}

void ClockTracker::RetainOnly(const absl::flat_hash_set<uint32_t>& clients) {
  std::vector<uint32_t> gone;
  for (const auto& [client, clock] : clocks_) {
    if (!clients.contains(client)) gone.push_back(client);
  }
  for (const uint32_t client : gone) Detach(client);
}

std::optional<uint64_t> ClockTracker::ClockOf(uint32_t client) const {
  const auto it = clocks_.find(client);
  if (it == clocks_.end()) return std::nullopt;
  return it->second;
}

uint64_t ClockTracker::MinClock() const {
  return order_.empty() ? horizon_ : order_.begin()->first;
}

uint64_t ClockTracker::ClockOfAllBut(size_t slowest) const {
  if (order_.empty()) return horizon_;
  return std::next(order_.begin(), static_cast<ptrdiff_t>(std::min(slowest, order_.size() - 1)))
      ->first;
}

uint64_t ClockTracker::MaxClock() const {
  return order_.empty() ? horizon_ : order_.rbegin()->first;
}

std::optional<ClockTracker::ClientClock> ClockTracker::Slowest() const {
  if (order_.empty()) return std::nullopt;
  return ClientClock{.client = order_.begin()->second, .clock = order_.begin()->first};
}

}  // namespace paramd
