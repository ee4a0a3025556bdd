#include "worker/trainer/step_tracker.h"

#include <algorithm>
#include <utility>

namespace paramd {

void StepTracker::Read(uint64_t lease) {
  MutexLock lock(mutex_);
  ++leases_[lease].unfinished;
  // Here, for pushes are not to wait for memory.
  if (++read_ > free_.size()) {
    pushed_.emplace_back(this);
    free_.reserve(pushed_.size());
    free_.push_back(&pushed_.back());
  }
}

std::shared_ptr<StepTracker::Pushed> StepTracker::Push(uint64_t lease, uint64_t number,
                                                       uint64_t clock, double loss_sum) {
  MutexLock lock(mutex_);
  Lease& entry = leases_.find(lease)->second;
  entry.loss_sum += loss_sum;
  entry.next_number = number + 1;
  entry.next_clock = clock + 1;
  ++open_;
  --read_;
  Pushed* const pushed = free_.back();
  free_.pop_back();
  pushed->open_ = true;
  pushed->lease_ = lease;
  pushed->number_ = number;
  pushed->clock_ = clock;
  return {shared_from_this(), pushed};
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

void StepTracker::Answered(Pushed& pushed, const absl::Status& status) {
  Finished(pushed, status);
  // Last, so that whoever waits finds the partition reported.
  Answered(status);
}

void StepTracker::Finished(Pushed& pushed, const absl::Status& status) {
  uint64_t lease;
  {
    MutexLock lock(mutex_);
    lease = pushed.lease_;
    if (status_.ok()) status_ = status;
    // What failed stays open: the partition is not done.
    if (!status.ok()) return;
    --leases_.find(lease)->second.unfinished;
    pushed.open_ = false;
    free_.push_back(&pushed);
  }
  ReportIfDone(lease);
}

void StepTracker::Close(v1::WorkDone done) {
  const uint64_t number = done.lease();
  {
    MutexLock lock(mutex_);
    Lease& lease = leases_[number];
    lease.closed = true;
    lease.done = std::move(done);
  }
  ReportIfDone(number);
}

void StepTracker::ReportIfDone(uint64_t lease) {
  v1::WorkDone done;
  {
    MutexLock lock(mutex_);
    const auto entry = leases_.find(lease);
    if (entry == leases_.end() || !entry->second.closed || entry->second.unfinished > 0) return;
    done = std::move(entry->second.done);
    done.set_loss_sum(entry->second.loss_sum);
    if (const auto position = Position(lease, entry->second)) {
      *done.mutable_position() = *position;
    }
    leases_.erase(entry);
  }
  on_done_(std::move(done));
}

std::optional<v1::LeasePosition> StepTracker::Position(uint64_t number, const Lease& lease) const {
  if (lease.next_number == 0) return std::nullopt;
  uint64_t batches = lease.next_number, clock = lease.next_clock;
  for (const Pushed& pushed : pushed_) {
    if (!pushed.open_ || pushed.lease_ != number || pushed.number_ >= batches) continue;
    batches = pushed.number_;
    clock = pushed.clock_;
  }
  v1::LeasePosition position;
  position.set_lease(number);
  position.set_batches(batches);
  position.set_clock(clock);
  return position;
}

void StepTracker::AddPositions(v1::WorkerReport* report) const {
  MutexLock lock(mutex_);
  for (const auto& [number, lease] : leases_) {
    if (const auto position = Position(number, lease)) *report->add_positions() = *position;
  }
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
