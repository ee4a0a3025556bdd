#include "worker/trainer/step_tracker.h"

#include <optional>
#include <utility>

namespace paramd {

void StepTracker::Begin(uint64_t lease, double loss_sum) {
  MutexLock lock(mutex_);
  Lease& entry = leases_[lease];
  ++entry.open;
  entry.loss_sum += loss_sum;
  ++open_;
}

void StepTracker::End(uint64_t lease, const absl::Status& status) {
  std::optional<v1::WorkDone> done;
  {
    MutexLock lock(mutex_);
    --open_;
    if (status_.ok()) status_ = status;
    const auto entry = leases_.find(lease);
    if (--entry->second.open == 0 && entry->second.closed && status_.ok()) {
      done = std::move(entry->second.done);
      leases_.erase(entry);
    }
  }
  if (done.has_value()) on_done_(*std::move(done));
  // Last, so that whoever waits finds the completion reported.
  MutexLock lock(mutex_);
  changed_.NotifyAll();
}

void StepTracker::Close(v1::WorkDone done) {
  {
    MutexLock lock(mutex_);
    Lease& entry = leases_[done.lease()];
    done.set_loss_sum(entry.loss_sum);
    if (entry.open > 0) {
      entry.closed = true;
      entry.done = std::move(done);
      return;
    }
    leases_.erase(done.lease());
  }
  on_done_(std::move(done));
}

absl::Status StepTracker::WaitUntilOpen(size_t steps) {
  MutexLock lock(mutex_);
  while (open_ > steps && status_.ok()) changed_.Wait(mutex_);
  return status_;
}

}  // namespace paramd
