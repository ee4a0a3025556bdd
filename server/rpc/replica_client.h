#pragma once

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "common/base/mutex.h"
#include "common/base/ring.h"
#include "common/base/thread.h"
#include "common/rpc/channel.h"
#include "common/rpc/client_stream.h"
#include "common/rpc/completion_loop.h"
#include "common/rpc/messages.h"
#include "common/wire/frame.h"
#include "server/replica/replica_link.h"

namespace paramd {

// A ReplicaLink over gRPC: one stream, which is opened again when it breaks; what the backup is not
// known to have is then sent again in order. Thread-safe.
class ReplicaClient final : public ReplicaLink {
 public:
  struct Options {
    std::string address;
    ChannelOptions channel;
    // Id of this server.
    uint32_t self = 0;
  };

  // The loop must outlive it.
  ReplicaClient(CompletionLoop& loop, Options options);
  ~ReplicaClient() override;

  void Send(ReplicaFrame frame, std::shared_ptr<Acknowledgement> acknowledgement) override;
  void WhenAllAnswered(std::shared_ptr<Acknowledgement> acknowledgement) override;
  void WhenAllTaken(uint64_t epoch, std::shared_ptr<Acknowledgement> acknowledgement) override;
  void Release() override;
  bool released() const override {
    MutexLock lock(mutex_);
    return state_ == State::kReleased;
  }
  void GiveUp() override;
  uint64_t queued_bytes() const override { return queued_bytes_.load(std::memory_order_relaxed); }
  bool full() const override { return full_.load(std::memory_order_relaxed); }

 private:
  using Stream = ClientStream<grpc::ByteBuffer, grpc::ByteBuffer>;
  using Acknowledgements = std::vector<std::shared_ptr<Acknowledgement>>;

  struct Queued {
    uint64_t number = 0;
    uint64_t bytes = 0;
    ReplicaFrame frame;
    std::shared_ptr<Acknowledgement> acknowledgement;
    // Of those who wait for this message and all before it: by the epoch that makes them give up.
    std::vector<std::pair<uint64_t, std::shared_ptr<Acknowledgement>>> more;
  };

  enum class State {
    kOpen,
    kReleased,  // nobody waits for the backup
    kGivenUp,   // this server ends
  };

  void Run();
  void Connect() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WriteOpen() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Write(const Queued& queued) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Received(uint64_t attempt, grpc::ByteBuffer& message) ABSL_LOCKS_EXCLUDED(mutex_);
  void Closed(uint64_t attempt, const absl::Status& status) ABSL_LOCKS_EXCLUDED(mutex_);
  void WaitForLast(uint64_t epoch, std::shared_ptr<Acknowledgement> acknowledgement)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Removes what is queued up to `number`. Gives those up who wait for something that was refused.
  Acknowledgements TakeUpTo(uint64_t number) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void End(State state) ABSL_LOCKS_EXCLUDED(mutex_);

  CompletionLoop& loop_;
  const Options options_;
  std::atomic<uint64_t> queued_bytes_{0};
  std::atomic<bool> full_{false};
  grpc::TemplatedGenericStub<grpc::ByteBuffer, grpc::ByteBuffer> stub_;

  // Used by completions only, which come one at a time.
  MessagePieces pieces_;
  ReplyParser parser_;

  mutable Mutex mutex_;
  CondVar changed_;
  State state_ ABSL_GUARDED_BY(mutex_) = State::kOpen;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::shared_ptr<Stream> stream_ ABSL_GUARDED_BY(mutex_);
  uint64_t attempt_ ABSL_GUARDED_BY(mutex_) = 0;
  // The stream broke: wait a little before the next one.
  bool pause_ ABSL_GUARDED_BY(mutex_) = false;
  int open_streams_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t last_number_ ABSL_GUARDED_BY(mutex_) = 0;
  Ring<Queued> queue_ ABSL_GUARDED_BY(mutex_);
  // Of messages that the backup refused, the newest.
  uint64_t refused_epoch_ ABSL_GUARDED_BY(mutex_) = 0;
  std::string before_keys_ ABSL_GUARDED_BY(mutex_);

  // Opens the stream again.
  Thread thread_;
};

}  // namespace paramd
