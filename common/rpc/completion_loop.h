#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>

#include <cstdint>
#include <functional>
#include <string>

#include "common/base/mutex.h"
#include "common/base/thread.h"
#include "common/rpc/completion.h"

namespace paramd {

// The completion queue of a process's client streams, and whoever drives it: a thread that waits
// for an answer polls the queue itself, so that no other thread has to be woken on the way; a
// thread of the loop's own stands in when nobody has done so for a millisecond. Completions run one
// at a time. Thread-safe.
class CompletionLoop {
 public:
  // `name`: of the thread that stands in.
  explicit CompletionLoop(const std::string& name);
  // Every operation on the queue must be over.
  ~CompletionLoop();

  grpc::CompletionQueue* queue() { return &queue_; }

  // Blocks until done(). It is asked after every completion, under the loop's lock: it must be
  // quick and must not call the loop. Not to be called from a completion.
  void Wait(const std::function<bool()>& done);

  // For those who wait, something besides a completion has changed.
  void Wake();

  // Runs the completions that are there, without waiting, unless another thread is at it.
  void Advance();

 private:
  void StandIn();
  // Runs one completion; blocks for it.
  void Next() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Makes the thread that polls come back.
  void Interrupt() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Interrupted(bool ok);

  grpc::CompletionQueue queue_;
  MemberCompletion<CompletionLoop, &CompletionLoop::Interrupted> interrupted_{this};

  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  // Whether a thread polls, and whether it is the one that stands in.
  bool polling_ ABSL_GUARDED_BY(mutex_) = false;
  bool standing_in_ ABSL_GUARDED_BY(mutex_) = false;
  bool interrupting_ ABSL_GUARDED_BY(mutex_) = false;
  int waiting_ ABSL_GUARDED_BY(mutex_) = 0;
  // Grows whenever a thread other than the loop's own polls.
  uint64_t polls_ ABSL_GUARDED_BY(mutex_) = 0;
  grpc::Alarm alarm_ ABSL_GUARDED_BY(mutex_);

  Thread thread_;
};

}  // namespace paramd
