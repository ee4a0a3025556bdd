#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>

#include "absl/status/status.h"
#include "common/base/mutex.h"
#include "paramd/v1/coordinator.pb.h"

namespace paramd {

// What the coordinator has said and the worker has not acted upon. Thread-safe.
class Inbox {
 public:
  void Deliver(const v1::CoordinatorMessage& message);
  // The session or the job is over; whoever waits is released. Only the first call counts.
  void End(v1::JobUpdate how);

  // These block; none when the end came first.
  std::optional<v1::Welcome> WaitForWelcome();
  std::optional<v1::WorkGrant> WaitForGrant();
  // After a WorkRequest: the grant, or none for NoWork (or the end).
  std::optional<v1::WorkGrant> WaitForAnswer();
  // After Attached: whether training begins; false when the end came first.
  bool WaitForStart();
  // Before Attached: forgets a Start that came before.
  void ExpectStart();
  // Training ends before its epochs do.
  bool training_stopped();
  // Another worker has completed the partition.
  bool IsRevoked(uint64_t lease);
  // Before a WorkRequest: a NoWork for an earlier one is no answer to it.
  void ExpectAnswer(uint64_t request);
  // Blocks until the session or the job is over.
  v1::JobUpdate WaitForEnd();

  v1::ClusterView view();
  // How it ended, if it has.
  std::optional<v1::JobUpdate> end();

 private:
  std::optional<v1::WorkGrant> TakeGrant() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Mutex mutex_;
  CondVar changed_;
  std::optional<v1::Welcome> welcome_ ABSL_GUARDED_BY(mutex_);
  v1::ClusterView view_ ABSL_GUARDED_BY(mutex_);
  std::deque<v1::WorkGrant> grants_ ABSL_GUARDED_BY(mutex_);
  // Grants are repeated after a reconnect; leases grow.
  uint64_t last_lease_ ABSL_GUARDED_BY(mutex_) = 0;
  bool start_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t request_ ABSL_GUARDED_BY(mutex_) = 0;
  // The request that was last answered by NoWork.
  uint64_t no_work_ ABSL_GUARDED_BY(mutex_) = 0;
  bool training_stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::set<uint64_t> revoked_ ABSL_GUARDED_BY(mutex_);  // leases
  std::optional<v1::JobUpdate> end_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace paramd
