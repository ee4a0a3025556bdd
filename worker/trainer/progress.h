#pragma once

#include <deque>
#include <string>

#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "paramd/v1/coordinator.pb.h"

namespace paramd {

// What a worker has done so far, for its heartbeats. Thread-safe.
class Progress {
 public:
  explicit Progress(Clock& clock) : clock_(clock) {}

  void SetActivity(const std::string& activity);
  void SetClock(uint64_t clock);
  void Add(uint64_t examples, double loss_sum);

  // Rates are over the last five seconds of reports.
  v1::WorkerReport Report();

 private:
  struct Sample {
    absl::Duration at;
    uint64_t examples;
    double loss_sum;
  };

  Clock& clock_;
  Mutex mutex_;
  v1::WorkerReport report_ ABSL_GUARDED_BY(mutex_);
  std::deque<Sample> samples_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace paramd
