#pragma once

#include "common/base/clock.h"
#include "common/base/mutex.h"

namespace paramd {

// A clock that stands still until a test moves it. Thread-safe.
class ManualClock final : public Clock {
 public:
  absl::Duration SinceBoot() const override {
    MutexLock lock(mutex_);
    return now_;
  }

  absl::Time Wall() const override { return absl::UnixEpoch() + SinceBoot(); }

  void Advance(absl::Duration by) {
    MutexLock lock(mutex_);
    now_ += by;
  }

 private:
  mutable Mutex mutex_;
  absl::Duration now_ ABSL_GUARDED_BY(mutex_) = absl::Seconds(1000);
};

}  // namespace paramd
