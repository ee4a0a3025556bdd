#pragma once

#include <grpcpp/completion_queue.h>
#include <grpcpp/server_builder.h>

#include <memory>
#include <vector>

#include "common/base/mutex.h"
#include "common/base/thread.h"
#include "common/rpc/completion.h"

namespace paramd {

// A completion queue of a gRPC server, and the number of streams that live on it: they go on using
// it after the server's shutdown until the last of their operations is over. Thread-safe.
class StreamQueue {
 public:
  explicit StreamQueue(std::unique_ptr<grpc::ServerCompletionQueue> queue)
      : queue_(std::move(queue)) {}

  grpc::ServerCompletionQueue* get() const { return queue_.get(); }

  void Enter() {
    MutexLock lock(mutex_);
    ++streams_;
  }
  void Leave() {
    MutexLock lock(mutex_);
    if (--streams_ == 0) empty_.NotifyAll();
  }
  void WaitUntilEmpty() {
    MutexLock lock(mutex_);
    while (streams_ > 0) empty_.Wait(mutex_);
  }

 private:
  const std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  Mutex mutex_;
  CondVar empty_;
  int streams_ ABSL_GUARDED_BY(mutex_) = 0;
};

// The completion queues of a gRPC server, each with a thread of its own. gRPC spreads connections
// over them; what comes in on a connection is read, handled and answered by one thread. Every tag
// is a Completion.
class CompletionThreads {
 public:
  // Before the server is built.
  CompletionThreads(grpc::ServerBuilder& builder, int threads);
  // After the server's Shutdown; or it was never built. Waits for the streams to end.
  ~CompletionThreads();

  // The server is built.
  void Start();

  const std::vector<std::unique_ptr<StreamQueue>>& queues() const { return queues_; }

 private:
  static void Run(StreamQueue& queue);

  std::vector<std::unique_ptr<StreamQueue>> queues_;
  std::vector<std::unique_ptr<Thread>> threads_;
};

}  // namespace paramd
