#pragma once

#include <deque>
#include <functional>
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
  // Asked by every report for how far partitions are.
  void SetPositions(std::function<void(v1::WorkerReport*)> add_positions);

  // Rates are over the last five seconds of reports.
  v1::WorkerReport Report();

 private:
  v1::WorkerReport Figures(absl::Duration now,
                           std::function<void(v1::WorkerReport*)>* add_positions)
      ABSL_LOCKS_EXCLUDED(mutex_);

  struct Sample {
    absl::Duration at;
    uint64_t examples;
    double loss_sum;
  };

  Clock& clock_;
  Mutex mutex_;
  v1::WorkerReport report_ ABSL_GUARDED_BY(mutex_);
  std::function<void(v1::WorkerReport*)> add_positions_ ABSL_GUARDED_BY(mutex_);
  std::deque<Sample> samples_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace paramd
