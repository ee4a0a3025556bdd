#pragma once

#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "common/base/mutex.h"

namespace paramd {

// Counts what is under way, so that one can wait until all of it that had begun is over, while more
// begins. Thread-safe.
//
//   UnderWay::Scope scope(under_way);  // in whatever is counted
class UnderWay {
 public:
  class Scope {
   public:
    explicit Scope(UnderWay& all) : all_(all), round_(all.Begin()) {}
    ~Scope() { all_.End(round_); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    UnderWay& all_;
    const int round_;
  };

  // Blocks until every scope that is open now has ended. One caller at a time, in none.
  void WaitForOpen() ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    // Those of the round before are over: somebody has waited for them.
    const int round = round_;
    round_ = 1 - round;
    while (open_[round] > 0) changed_.Wait(mutex_);
  }

 private:
  int Begin() ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    ++open_[round_];
    return round_;
  }
  void End(int round) ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    if (--open_[round] == 0) changed_.NotifyAll();
  }

  Mutex mutex_;
  CondVar changed_;
  int round_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t open_[2] ABSL_GUARDED_BY(mutex_) = {0, 0};
};

}  // namespace paramd
