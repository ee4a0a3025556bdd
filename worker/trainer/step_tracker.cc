#include "worker/trainer/step_tracker.h"

#include <utility>

namespace paramd {

StepTracker::Lease& StepTracker::At(uint64_t lease) {
  return leases_.try_emplace(lease, this, lease).first->second;
}

void StepTracker::Read(uint64_t lease) {
  MutexLock lock(mutex_);
  ++At(lease).unfinished_;
}

std::shared_ptr<StepTracker::Lease> StepTracker::Push(uint64_t lease, double loss_sum) {
  MutexLock lock(mutex_);
  Lease& entry = At(lease);
  entry.loss_sum_ += loss_sum;
  ++open_;
  return {shared_from_this(), &entry};
}

void StepTracker::Push() {
  MutexLock lock(mutex_);
  ++open_;
}

void StepTracker::Answered(const absl::Status& status) {
  MutexLock lock(mutex_);
  if (status_.ok()) status_ = status;
  --open_;
}

void StepTracker::Answered(Lease& lease, const absl::Status& status) {
  Finished(lease, status);
  // Last, so that whoever waits finds the partition reported.
  Answered(status);
}

void StepTracker::Finished(Lease& lease, const absl::Status& status) {
  const uint64_t number = lease.number_;
  {
    MutexLock lock(mutex_);
    if (status_.ok()) status_ = status;
    if (status.ok()) --lease.unfinished_;
  }
  ReportIfDone(number);
}

void StepTracker::Close(v1::WorkDone done) {
  const uint64_t number = done.lease();
  {
    MutexLock lock(mutex_);
    Lease& lease = At(number);
    lease.closed_ = true;
    lease.done_ = std::move(done);
  }
  ReportIfDone(number);
}

void StepTracker::ReportIfDone(uint64_t lease) {
  v1::WorkDone done;
  {
    MutexLock lock(mutex_);
    const auto entry = leases_.find(lease);
    if (entry == leases_.end() || !entry->second.closed_ || entry->second.unfinished_ > 0) return;
    done = std::move(entry->second.done_);
    done.set_loss_sum(entry->second.loss_sum_);
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
