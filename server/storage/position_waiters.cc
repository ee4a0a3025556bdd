#include "server/storage/position_waiters.h"

namespace paramd {

void PositionWaiters::Add(uint64_t position, Callback callback) {
  if (position <= decided_) {
    ready_.push_back({std::move(callback), Outcome(position)});
  } else {
    waiting_.emplace_hint(waiting_.end(), position, std::move(callback));
  }
}

void PositionWaiters::Advance(uint64_t position) { Release(position, absl::OkStatus()); }

void PositionWaiters::Lose(uint64_t position, const absl::Status& reason) {
  if (position <= decided_) return;
  lost_.push_back({.first = decided_ + 1, .last = position, .reason = reason});
  Release(position, reason);
}

void PositionWaiters::Release(uint64_t position, const absl::Status& status) {
  if (position <= decided_) return;
  decided_ = position;
  const auto end = waiting_.upper_bound(position);
  for (auto at = waiting_.begin(); at != end; ++at) {
    ready_.push_back({std::move(at->second), status});
  }
  waiting_.erase(waiting_.begin(), end);
}

absl::Status PositionWaiters::Outcome(uint64_t position) const {
  for (const Lost& lost : lost_) {
    if (lost.first <= position && position <= lost.last) return lost.reason;
  }
  return absl::OkStatus();
}

}  // namespace paramd
