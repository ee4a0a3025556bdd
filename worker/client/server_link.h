#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "common/base/mutex.h"
#include "common/base/thread.h"
#include "common/rpc/channel.h"
#include "common/rpc/client_stream.h"
#include "common/rpc/completion_loop.h"
#include "common/wire/operation.h"
#include "paramd/v1/parameter.grpc.pb.h"

namespace paramd {

// A client's one path to one server: a stream that is opened again when it breaks; what was not
// answered is then sent again in the same order with the same sequences. Thread-safe.
class ServerLink {
 public:
  using Done = std::function<void(Reply)>;

  // The loop must outlive it.
  ServerLink(CompletionLoop& loop, std::string address, const ChannelOptions& options);
  // Answers what is still open with CANCELLED.
  ~ServerLink();

  // Sends `operation`, which is encoded before the call returns. `done` is called exactly once,
  // from a gRPC thread or from Shutdown; it must not block. Operations must come with ascending
  // sequences.
  void Send(const Operation& operation, Done done);

  // Answers everything that is open, and all that comes later, with `status`.
  void Shutdown(const absl::Status& status);

  const std::string& address() const { return address_; }

 private:
  using Stream = ClientStream<v1::Operation, v1::Reply>;

  struct Open {
    v1::Operation message;
    Done done;
  };

  void Run();
  void Connect() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Receive(const v1::Reply& reply);
  void Closed(uint64_t attempt, const absl::Status& status);

  CompletionLoop& loop_;
  const std::string address_;
  const std::unique_ptr<v1::ParameterService::Stub> stub_;

  Mutex mutex_;
  CondVar changed_;
  absl::Status shutdown_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<Stream> stream_ ABSL_GUARDED_BY(mutex_);
  uint64_t attempt_ ABSL_GUARDED_BY(mutex_) = 0;
  // The stream broke: wait a little before the next one.
  bool pause_ ABSL_GUARDED_BY(mutex_) = false;
  int open_streams_ ABSL_GUARDED_BY(mutex_) = 0;
  // Not answered yet, by ascending sequence.
  std::deque<Open> open_ ABSL_GUARDED_BY(mutex_);

  // Opens the stream again.
  Thread thread_;
};

}  // namespace paramd
