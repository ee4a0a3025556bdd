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

uint64_t PendingPull::Bytes() const {
  uint64_t bytes = sizeof(*this) + (keys.size() + checked.hashes.size()) * sizeof(uint64_t) +
                   checked.parts.size() * sizeof(ShardPart);
  for (const ShardPart& part : checked.parts) bytes += EncodedSize(operation.codec, part.shape());
  return bytes;
}

void ParkedPulls::Add(uint64_t clock, PendingPull pull) {
  bytes_ += pull.Bytes();
  times_.Begin(pull.operation.table, pull.operation.client, clock_.SinceBoot());
  pulls_.emplace(clock, std::move(pull));
}

PendingPull ParkedPulls::Take(PendingPull& pull, absl::Duration now) {
  bytes_ -= pull.Bytes();
  times_.End(pull.operation.table, pull.operation.client, now);
  return std::move(pull);
}

std::vector<PendingPull> ParkedPulls::TakeReady(uint64_t clock) {
  std::vector<PendingPull> ready;
  const auto end = pulls_.upper_bound(clock);
  if (end == pulls_.begin()) return ready;
  const absl::Duration now = clock_.SinceBoot();
  for (auto it = pulls_.begin(); it != end; ++it) ready.push_back(Take(it->second, now));
  pulls_.erase(pulls_.begin(), end);
  return ready;
}

std::vector<PendingPull> ParkedPulls::TakeIf(
    const std::function<bool(const PendingPull&)>& condition) {
  std::vector<PendingPull> taken;
  const absl::Duration now = clock_.SinceBoot();
  for (auto it = pulls_.begin(); it != pulls_.end();) {
    if (condition(it->second)) {
      taken.push_back(Take(it->second, now));
      it = pulls_.erase(it);
    } else {
      ++it;
    }
  }
  return taken;
}

}  // namespace paramd
