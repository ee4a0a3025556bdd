#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "absl/status/status.h"
#include "common/base/mutex.h"
#include "paramd/v1/coordinator.pb.h"

namespace paramd {

// Which batches are read and not acknowledged yet, and which partitions are therefore not done.
// Thread-safe; shared with the answers to pushes.
class StepTracker : public std::enable_shared_from_this<StepTracker> {
 public:
  // `on_done` is called, from any thread, for each partition that is read to its end and all of
  // whose batches are pushed and acknowledged.
  explicit StepTracker(std::function<void(v1::WorkDone)> on_done) : on_done_(std::move(on_done)) {}

  // A batch of the partition `lease` was taken from the reader.
  void Read(uint64_t lease);

  class Lease;
  // Its gradients, with this loss, are about to be pushed. Keeps the tracker; the answer is told to
  // Lease::Answered.
  std::shared_ptr<Lease> Push(uint64_t lease, double loss_sum);
  // A push whose batch is not finished with it (or that has none) is answered.
  void Answered(const absl::Status& status);
  // A push without a batch is about to be sent.
  void Push();
  // The partition done.lease() is read to its end; its loss_sum is filled in when it is done.
  void Close(v1::WorkDone done);

  // Whether at most `pushes` pushes are unanswered, or one was answered with an error.
  bool MayGoOn(size_t pushes) const;
  // The first error that a push was answered with.
  absl::Status status() const;

 private:
  Lease& At(uint64_t lease) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Answered(Lease& lease, const absl::Status& status);
  void Finished(Lease& lease, const absl::Status& status);
  // Reports the partition if it is done now.
  void ReportIfDone(uint64_t lease);

  const std::function<void(v1::WorkDone)> on_done_;
  mutable Mutex mutex_;
  // A lease stays where it is until it is done.
  std::map<uint64_t, Lease> leases_ ABSL_GUARDED_BY(mutex_);
  size_t open_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

// A partition that is not done yet.
class StepTracker::Lease {
 public:
  Lease(StepTracker* tracker, uint64_t number) : tracker_(tracker), number_(number) {}

  // A push is answered, and its batch finished.
  void Answered(const absl::Status& status) { tracker_->Answered(*this, status); }
  // A batch is finished whose push was answered before, or is answered with this: everything that
  // was kept back of it has arrived.
  void Finished(const absl::Status& status) { tracker_->Finished(*this, status); }

 private:
  friend class StepTracker;

  StepTracker* const tracker_;
  const uint64_t number_;
  // Batches read and not acknowledged.
  size_t unfinished_ = 0;
  double loss_sum_ = 0;
  bool closed_ = false;
  v1::WorkDone done_;
};

}  // namespace paramd
