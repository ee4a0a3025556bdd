#pragma once

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/base/ring.h"
#include "common/base/thread.h"
#include "common/rpc/channel.h"
#include "common/rpc/client_stream.h"
#include "common/rpc/completion_loop.h"
#include "common/rpc/messages.h"
#include "common/wire/frame.h"
#include "common/wire/key_list_lru.h"
#include "common/wire/operation.h"
#include "paramd/v1/parameter.pb.h"
#include "worker/client/gradient_encoder.h"
#include "worker/client/row_plan.h"

namespace paramd {

class ServerLink;
struct OutgoingOperation;

// Takes the answers to operations.
class ReplyReceiver {
 public:
  // The answer to the operation. With values only if its status is OK; they are valid until the
  // return. Called from whichever thread drives the loop, or from ServerLink::Shutdown; must not
  // block.
  virtual void Receive(const ServerLink& link, const OutgoingOperation& operation,
                       const ReplyFrame& reply) = 0;

  // `before` of its operations that are not answered were cut again into `after`, which are not
  // sent yet; with none left they count as answered.
  virtual void Split(size_t before, size_t after) = 0;

 protected:
  ~ReplyReceiver() = default;
};

// An operation on its way. Holds everything that is needed to send it again.
struct OutgoingOperation {
  // Its segments, keys and values are left out.
  Operation operation;
  // The rows it is about; none: it has no rows.
  std::shared_ptr<const RowPlan> plan;
  uint32_t part = 0;  // of the plan
  ValueSlices values;
  ReplyReceiver* receiver = nullptr;
  uint32_t server = 0;  // that it was sent to
};

// A client's one path to one server: a stream that is opened again when it breaks; what was not
// answered is then sent again in the same order with the same sequences. So is what the server
// refuses for now (UNAVAILABLE, RESOURCE_EXHAUSTED), after a pause. What is refused with
// RESOURCE_EXHAUSTED for too long is answered with that, as is all that is open. Thread-safe.
class ServerLink {
 public:
  struct Options {
    uint32_t server = 0;
    std::string address;
    ChannelOptions channel;
    // How the keys of plans are written, and the memory that the server may use for key lists (0:
    // none are to be held).
    KeyCodec key_codec = KeyCodec::kPacked;
    uint64_t key_cache_bytes = 0;
    // What OPEN says: everything that the tables use.
    v1::Open open;
    // How long a push may be refused with RESOURCE_EXHAUSTED before that is final.
    absl::Duration patience = absl::InfiniteDuration();
    Clock* clock = &Clock::System();
  };

  // The loop must outlive it.
  ServerLink(CompletionLoop& loop, Options options);
  // Answers what is still open with CANCELLED.
  ~ServerLink();

  // Sends an operation. Its receiver is called exactly once. Operations must come with ascending
  // sequences.
  void Send(OutgoingOperation operation);

  // Removes the operations that are not answered and fulfil `condition`, by ascending sequence;
  // answers that come later are for nobody. When there are any, nothing is sent until Insert: what
  // is behind them must not come before them.
  std::vector<OutgoingOperation> TakeIf(
      const std::function<bool(const OutgoingOperation&)>& condition) ABSL_LOCKS_EXCLUDED(mutex_);

  // Sends operations that were taken from links, by ascending sequence, between those that are
  // here; perhaps none. No shard has rows in them and in those here with a larger sequence.
  void Insert(std::vector<OutgoingOperation> operations) ABSL_LOCKS_EXCLUDED(mutex_);

  // From Hold to Flush small operations may wait for others, to go out together.
  void Hold();
  // As ClientStream::Flush.
  bool Flush();

  // Answers everything that is open, and all that comes later, with `status`.
  void Shutdown(const absl::Status& status);

  const std::string& address() const { return options_.address; }

  // Bytes of the messages that were handed to gRPC and that came from it.
  uint64_t bytes_sent() const { return bytes_sent_.load(std::memory_order_relaxed); }
  uint64_t bytes_received() const { return bytes_received_.load(std::memory_order_relaxed); }

 private:
  using Stream = ClientStream<grpc::ByteBuffer, grpc::ByteBuffer>;

  // Nothing is kept of a list that the server holds.
  struct Held {};

  void Run();
  // Ends the stream; answers that are on their way are for nobody.
  void Reopen() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Connect() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Encodes for what the server holds now, and writes.
  void Write(const OutgoingOperation& operation) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WriteOpen() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Received(uint64_t attempt, grpc::ByteBuffer& message);
  // Removes the operation that was answered on this stream; none: it was before, or there is
  // another stream, on which it comes again.
  std::optional<OutgoingOperation> Take(uint64_t attempt, uint64_t sequence)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // The server will take the operation later: everything is sent again, on another stream.
  void Retry(uint64_t attempt, const absl::Status& why) ABSL_LOCKS_EXCLUDED(mutex_);
  // The server wants the operation with its keys, and then what came after it.
  void Repeat(uint64_t sequence) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Closed(uint64_t attempt, const absl::Status& status);

  CompletionLoop& loop_;
  const Options options_;
  std::atomic<uint64_t> bytes_sent_{0};
  std::atomic<uint64_t> bytes_received_{0};
  grpc::TemplatedGenericStub<grpc::ByteBuffer, grpc::ByteBuffer> stub_;

  // Used by completions only, which come one at a time.
  MessagePieces pieces_;
  ReplyParser parser_;

  Mutex mutex_;
  CondVar changed_;
  absl::Status shutdown_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<Stream> stream_ ABSL_GUARDED_BY(mutex_);
  uint64_t attempt_ ABSL_GUARDED_BY(mutex_) = 0;
  // The stream broke: wait a little before the next one.
  absl::Duration pause_ ABSL_GUARDED_BY(mutex_) = absl::ZeroDuration();
  // Why the server refused something last.
  absl::Status refusal_ ABSL_GUARDED_BY(mutex_);
  // Since when the server refuses for want of room, without having taken a push; and the pause
  // before it is asked again, which grows.
  std::optional<absl::Duration> exhausted_since_ ABSL_GUARDED_BY(mutex_);
  absl::Duration retry_pause_ ABSL_GUARDED_BY(mutex_) = absl::ZeroDuration();
  // It was ended to be opened again.
  bool retrying_ ABSL_GUARDED_BY(mutex_) = false;
  bool holding_ ABSL_GUARDED_BY(mutex_) = false;
  // Operations were taken and Insert is to come.
  bool rearranging_ ABSL_GUARDED_BY(mutex_) = false;
  int open_streams_ ABSL_GUARDED_BY(mutex_) = 0;
  // Not answered yet, by ascending sequence; those without a receiver have been answered.
  Ring<OutgoingOperation> open_ ABSL_GUARDED_BY(mutex_);
  // What the server holds for the current stream.
  KeyListLru<Held> held_ ABSL_GUARDED_BY(mutex_);
  v1::Header header_ ABSL_GUARDED_BY(mutex_);
  std::string before_keys_ ABSL_GUARDED_BY(mutex_);

  // Opens the stream again.
  Thread thread_;
};

}  // namespace paramd
