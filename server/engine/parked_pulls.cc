#include "server/engine/parked_pulls.h"

#include <utility>

#include "absl/types/span.h"

namespace paramd {

void PendingPull::OwnKeys() {
  keys.assign(operation.keys.begin(), operation.keys.end());
  const absl::Span<const uint64_t> owned(keys);
  uint64_t next = 0;
  for (ShardPart& part : checked.parts) {
    const uint64_t size = part.rows.keys.size();
    part.rows.keys = owned.subspan(next, size);
    next += size;
  }
  operation.segments = {};
  operation.keys = {};
}

std::vector<PendingPull> ParkedPulls::TakeReady(uint64_t clock) {
  std::vector<PendingPull> ready;
  const auto end = pulls_.upper_bound(clock);
  for (auto it = pulls_.begin(); it != end; ++it) ready.push_back(std::move(it->second));
  pulls_.erase(pulls_.begin(), end);
  return ready;
}

std::vector<PendingPull> ParkedPulls::TakeIf(
    const std::function<bool(const PendingPull&)>& condition) {
  std::vector<PendingPull> taken;
  for (auto it = pulls_.begin(); it != pulls_.end();) {
    if (condition(it->second)) {
      taken.push_back(std::move(it->second));
      it = pulls_.erase(it);
    } else {
      ++it;
    }
  }
  return taken;
}

}  // namespace paramd
