#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "paramd/v1/coordinator.pb.h"
#include "server/coordinator/work_queue.h"

namespace paramd {

// How far workers are with the partitions that they train on, by what they say. Pure. Not
// thread-safe.
class LeasePositions {
 public:
  struct Lease {
    uint32_t epoch = 0;
    uint32_t partition = 0;
    uint32_t client = 0;
    uint64_t incarnation = 0;
    uint64_t skipped = 0;  // batches that were trained on before the job was restored
    // Step of the first batch after those; none: nothing is known to have been pushed.
    std::optional<uint64_t> first_clock;
    uint64_t batches = 0;  // acknowledged, with the skipped ones
    bool completed = false;
    uint64_t records = 0;
    uint64_t bad_records = 0;

    // The step after the last batch that is acknowledged. There is a first_clock.
    uint64_t clock() const { return *first_clock + batches - skipped; }
  };

  void Grant(const WorkQueue::Grant& grant, const v1::MemberRecord& worker, uint64_t skipped);
  // What a worker says of a lease that it holds.
  void Report(uint32_t client, const v1::LeasePosition& position);
  void Complete(const v1::WorkDone& done);
  // The worker's leases are over; what it pushed stays.
  void Release(uint32_t client);
  // Another lease of the same partition is completed; what was pushed of it stays.
  void Revoke(uint64_t lease) { leases_.erase(lease); }
  // Forgets those that are completed.
  void Prune();

  // By lease.
  const std::map<uint64_t, Lease>& leases() const { return leases_; }

 private:
  std::map<uint64_t, Lease> leases_;
};

}  // namespace paramd
