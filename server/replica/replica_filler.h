#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/base/thread.h"
#include "server/replica/replica_link.h"
#include "server/table/shard.h"

namespace paramd {

// Fills new backups, one shard after the other, on a thread of its own: copies the shard under its
// lock, sends the copy, and when the backup has that, lets pushes wait for the backup. What was
// pushed meanwhile is behind the copy on the same link. Thread-safe.
class ReplicaFiller {
 public:
  struct Task {
    uint32_t table = 0;
    uint32_t shard = 0;
    bool sparse = false;
    std::shared_ptr<Shard> copied;
    uint32_t target = 0;
    uint64_t since = 0;  // of the target
    uint64_t epoch = 0;  // in which it is one
    std::shared_ptr<ReplicaLink> link;
  };

  // `filled` is called from the thread for each shard whose backup has everything that was
  // acknowledged, from then on too. `bytes_per_second`: at most about so many are sent.
  ReplicaFiller(uint64_t bytes_per_second, Clock& clock, std::function<void(const Task&)> filled);
  // Stops after the shard that is under way.
  ~ReplicaFiller();

  // Replaces what has not begun yet; what is under way is not done again.
  void Set(std::deque<Task> tasks) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run();
  // Returns how many bytes were sent.
  uint64_t Fill(const Task& task) ABSL_LOCKS_EXCLUDED(mutex_);
  // Blocks until somebody lets go of what `send` is given, or the end; whether it was acknowledged.
  bool WaitFor(const std::function<void(std::shared_ptr<Acknowledgement>)>& send)
      ABSL_LOCKS_EXCLUDED(mutex_);

  const uint64_t bytes_per_second_;
  Clock& clock_;
  const std::function<void(const Task&)> filled_;

  mutable Mutex mutex_;
  CondVar changed_;
  std::deque<Task> tasks_ ABSL_GUARDED_BY(mutex_);
  // The task that is under way.
  std::optional<Task> current_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  Thread thread_;
};

}  // namespace paramd
