#include "server/table/changed_blocks.h"

#include <algorithm>
#include <utility>

namespace paramd {

std::optional<ChangedBlocks::Set> ChangedBlocks::Cut(uint64_t since, uint64_t index) {
  const auto first = std::find_if(periods_.begin(), periods_.end(),
                                  [&](const Period& period) { return period.begin == since; });
  std::optional<Set> changed;
  if (first != periods_.end()) {
    changed.emplace();
    for (auto period = first; period != periods_.end(); ++period) *changed |= *period->changed;
    periods_.erase(periods_.begin(), first);
  }
  if (!periods_.empty() && periods_.back().begin == index) {
    // Two copies of the same: what comes is since either.
    return changed;
  }
  if (periods_.size() == kMostPeriods) {
    // The first one may be what the next checkpoint adds to; the second one was in none.
    *periods_[0].changed |= *periods_[1].changed;
    periods_.erase(periods_.begin() + 1);
  }
  periods_.push_back({.begin = index, .changed = std::make_unique<Set>()});
  latest_ = periods_.back().changed.get();
  return changed;
}

void ChangedBlocks::Clear() {
  periods_.clear();
  latest_ = nullptr;
}

}  // namespace paramd
