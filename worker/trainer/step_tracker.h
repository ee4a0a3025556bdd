#pragma once

#include <cstdint>
#include <functional>
#include <map>

#include "absl/status/status.h"
#include "common/base/mutex.h"
#include "paramd/v1/coordinator.pb.h"

namespace paramd {

// Which pushes are not acknowledged yet, and which partitions are therefore not done. Thread-safe.
class StepTracker {
 public:
  // `on_done` is called, from any thread, for each partition that is read to its end and all of
  // whose pushes are acknowledged.
  explicit StepTracker(std::function<void(v1::WorkDone)> on_done) : on_done_(std::move(on_done)) {}

  // A step of the partition `lease` with this loss is about to be pushed.
  void Begin(uint64_t lease, double loss_sum);
  // Its push is answered.
  void End(uint64_t lease, const absl::Status& status);
  // The partition done.lease() is read to its end; its loss_sum is filled in here.
  void Close(v1::WorkDone done);

  // Blocks until at most `steps` pushes are open; returns at once with the first error of a push.
  absl::Status WaitUntilOpen(size_t steps);

 private:
  struct Lease {
    size_t open = 0;
    double loss_sum = 0;
    bool closed = false;
    v1::WorkDone done;
  };

  const std::function<void(v1::WorkDone)> on_done_;
  Mutex mutex_;
  CondVar changed_;
  std::map<uint64_t, Lease> leases_ ABSL_GUARDED_BY(mutex_);
  size_t open_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace paramd
