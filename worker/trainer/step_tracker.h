#pragma once

#include <cstdint>
#include <functional>
#include <map>

#include "absl/status/status.h"
#include "common/base/mutex.h"
#include "paramd/v1/coordinator.pb.h"

namespace paramd {

// Which batches are read and not acknowledged yet, and which partitions are therefore not done.
// Thread-safe.
class StepTracker {
 public:
  // `on_done` is called, from any thread, for each partition that is read to its end and all of
  // whose batches are pushed and acknowledged.
  explicit StepTracker(std::function<void(v1::WorkDone)> on_done) : on_done_(std::move(on_done)) {}

  // A batch of the partition `lease` was taken from the reader.
  void Read(uint64_t lease);
  // Its gradients, with this loss, are about to be pushed.
  void Push(uint64_t lease, double loss_sum);
  // The push is answered.
  void Answered(uint64_t lease, const absl::Status& status);
  // The partition done.lease() is read to its end; its loss_sum is filled in when it is done.
  void Close(v1::WorkDone done);

  // Whether at most `pushes` pushes are unanswered, or one was answered with an error.
  bool MayGoOn(size_t pushes) const;
  // The first error that a push was answered with.
  absl::Status status() const;

 private:
  struct Lease {
    // Batches read and not acknowledged.
    size_t unfinished = 0;
    double loss_sum = 0;
    bool closed = false;
    v1::WorkDone done;
  };

  // Reports the partition if it is done now.
  void ReportIfDone(uint64_t lease);

  const std::function<void(v1::WorkDone)> on_done_;
  mutable Mutex mutex_;
  std::map<uint64_t, Lease> leases_ ABSL_GUARDED_BY(mutex_);
  size_t open_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace paramd
