#include "server/coordinator/lease_positions.h"

#include <algorithm>

namespace paramd {

void LeasePositions::Grant(const WorkQueue::Grant& grant, const v1::MemberRecord& worker,
                           uint64_t skipped) {
  leases_[grant.lease] = {.epoch = grant.epoch,
                          .partition = grant.partition,
                          .client = worker.id(),
                          .incarnation = worker.incarnation(),
                          .skipped = skipped,
                          .batches = skipped};
}

void LeasePositions::Report(uint32_t client, const v1::LeasePosition& position) {
  const auto found = leases_.find(position.lease());
  if (found == leases_.end() || found->second.client != client) return;
  Lease& lease = found->second;
  // A worker counts from the first batch of the partition, and its steps with those it trains on.
  if (position.batches() < lease.skipped || position.clock() < position.batches() - lease.skipped) {
    return;
  }
  lease.first_clock = position.clock() - (position.batches() - lease.skipped);
  lease.batches = std::max(lease.batches, position.batches());
}

void LeasePositions::Complete(const v1::WorkDone& done) {
  const auto found = leases_.find(done.lease());
  if (found == leases_.end()) return;
  Lease& lease = found->second;
  if (done.has_position()) Report(lease.client, done.position());
  lease.completed = true;
  lease.records = done.records();
  lease.bad_records = done.bad_records();
}

void LeasePositions::Release(uint32_t client) {
  std::erase_if(leases_, [client](const auto& entry) {
    return entry.second.client == client && !entry.second.completed;
  });
}

void LeasePositions::Prune() {
  std::erase_if(leases_, [](const auto& entry) { return entry.second.completed; });
}

}  // namespace paramd
