#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/base/thread.h"

namespace paramd {

// How close a process is to the memory that it may use.
enum class MemoryLevel {
  kPlenty,
  kSlow,  // whoever asks for more is answered later
  kFull,  // nobody gets more
};

// The level after `level` with `used` of `budget` bytes (0: no limit). kSlow from 85 % on, kFull
// from 95 % on; a level is left 3 % below where it begins, so that it does not come and go.
MemoryLevel NextMemoryLevel(MemoryLevel level, uint64_t used, uint64_t budget);

// How long an answer is held back: nothing at 82 %, growing evenly to a second at 95 % and beyond.
// A client has a few steps under way, so it is slowed to a few steps a second.
absl::Duration AnswerDelay(uint64_t used, uint64_t budget);

// Keeps a process within a budget: looks at its memory, says how close it is, and holds answers
// back to slow down whoever they are for. Thread-safe.
class MemoryGuard {
 public:
  struct Options {
    // Bytes that may be used (0: no limit), which may change, and those that are. Asked from any
    // thread. Null: there is no limit.
    std::function<uint64_t()> budget;
    std::function<uint64_t()> used;
    Clock* clock = &Clock::System();
  };

  explicit MemoryGuard(Options options);
  // Makes the calls that wait.
  ~MemoryGuard();

  MemoryGuard(const MemoryGuard&) = delete;
  MemoryGuard& operator=(const MemoryGuard&) = delete;

  MemoryLevel level() const { return level_.load(std::memory_order_relaxed); }
  uint64_t used() const { return used_.load(std::memory_order_acquire); }
  // "243.2 MiB of 256.0 MiB".
  std::string Describe() const;

  // What came may take some memory: looks again before it can be much.
  void Expect(uint64_t bytes);

  // Makes the call after AnswerDelay, from the guard's thread; in an order of its own.
  void CallLater(std::function<void()> call) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run();
  void Look() ABSL_LOCKS_EXCLUDED(mutex_);

  const Options options_;
  std::atomic<MemoryLevel> level_{MemoryLevel::kPlenty};
  std::atomic<uint64_t> used_{0};
  std::atomic<uint64_t> budget_{0};
  // Since the last look, and when to look again.
  std::atomic<uint64_t> expected_{0};
  std::atomic<uint64_t> look_after_{0};

  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  // By when they are due.
  std::multimap<absl::Duration, std::function<void()>> calls_ ABSL_GUARDED_BY(mutex_);
  // None without a limit.
  std::optional<Thread> thread_;
};

}  // namespace paramd
