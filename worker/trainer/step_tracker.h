#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

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

  class Pushed;
  // Its gradients, with this loss, are about to be pushed: batch `number` of the partition, as step
  // `clock`; both are one more than those of the batch before. Keeps the tracker; the answer is
  // told to Pushed::Answered.
  std::shared_ptr<Pushed> Push(uint64_t lease, uint64_t number, uint64_t clock, double loss_sum);
  // A push whose batch is not finished with it (or that has none) is answered.
  void Answered(const absl::Status& status);
  // A push without a batch is about to be sent.
  void Push();
  // The partition done.lease() is read to its end; its loss_sum and position are filled in when it
  // is done.
  void Close(v1::WorkDone done);

  // Whether at most `pushes` pushes are unanswered, or one was answered with an error.
  bool MayGoOn(size_t pushes) const;
  // How far the partitions are of which something was pushed.
  void AddPositions(v1::WorkerReport* report) const;
  // The first error that a push was answered with.
  absl::Status status() const;

 private:
  // A partition that is not done yet.
  struct Lease {
    // Batches read and not acknowledged.
    size_t unfinished = 0;
    double loss_sum = 0;
    // Number and step after the last batch that was pushed; number 0: none was.
    uint64_t next_number = 0;
    uint64_t next_clock = 0;
    bool closed = false;
    v1::WorkDone done;
  };

  void Answered(Pushed& pushed, const absl::Status& status);
  void Finished(Pushed& pushed, const absl::Status& status);
  // Behind the batches that are all acknowledged; none: nothing was pushed.
  std::optional<v1::LeasePosition> Position(uint64_t number, const Lease& lease) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Reports the partition if it is done now.
  void ReportIfDone(uint64_t lease);

  const std::function<void(v1::WorkDone)> on_done_;
  mutable Mutex mutex_;
  std::map<uint64_t, Lease> leases_ ABSL_GUARDED_BY(mutex_);
  // They stay where they are, and are used again.
  std::deque<Pushed> pushed_ ABSL_GUARDED_BY(mutex_);
  std::vector<Pushed*> free_ ABSL_GUARDED_BY(mutex_);
  size_t read_ ABSL_GUARDED_BY(mutex_) = 0;  // and not pushed
  size_t open_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

// A batch that was pushed.
class StepTracker::Pushed {
 public:
  explicit Pushed(StepTracker* tracker) : tracker_(tracker) {}

  // A push is answered, and its batch finished.
  void Answered(const absl::Status& status) { tracker_->Answered(*this, status); }
  // A batch is finished whose push was answered before, or is answered with this: everything that
  // was kept back of it has arrived.
  void Finished(const absl::Status& status) { tracker_->Finished(*this, status); }

 private:
  friend class StepTracker;

  StepTracker* const tracker_;
  bool open_ = false;  // not finished
  uint64_t lease_ = 0;
  uint64_t number_ = 0;
  uint64_t clock_ = 0;
};

}  // namespace paramd
