#include "worker/trainer/step_tracker.h"

#include <utility>

namespace paramd {

void StepTracker::Read(uint64_t lease) {
  MutexLock lock(mutex_);
  ++leases_[lease].unfinished;
}

void StepTracker::Push(uint64_t lease, double loss_sum) {
  MutexLock lock(mutex_);
  leases_[lease].loss_sum += loss_sum;
  ++open_;
}

void StepTracker::Answered(uint64_t lease, const absl::Status& status) {
  {
    MutexLock lock(mutex_);
    if (status_.ok()) status_ = status;
    if (status.ok()) --leases_[lease].unfinished;
  }
  ReportIfDone(lease);
  // Last, so that whoever waits finds the partition reported.
  MutexLock lock(mutex_);
  --open_;
}

void StepTracker::Close(v1::WorkDone done) {
  const uint64_t lease = done.lease();
  {
    MutexLock lock(mutex_);
    leases_[lease].closed = true;
    leases_[lease].done = std::move(done);
  }
  ReportIfDone(lease);
}

void StepTracker::ReportIfDone(uint64_t lease) {
  v1::WorkDone done;
  {
    MutexLock lock(mutex_);
    const auto entry = leases_.find(lease);
    if (entry == leases_.end() || !entry->second.closed || entry->second.unfinished > 0) return;
    done = std::move(entry->second.done);
    done.set_loss_sum(entry->second.loss_sum);
    leases_.erase(entry);
  }
  on_done_(std::move(done));
}

bool StepTracker::MayGoOn(size_t pushes) const {
  MutexLock lock(mutex_);
  return open_ <= pushes || !status_.ok();
}

absl::Status StepTracker::status() const {
  MutexLock lock(mutex_);
  return status_;
}

}  // namespace paramd
