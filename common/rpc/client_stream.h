#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/support/async_stream.h>

#include <functional>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "common/base/mutex.h"
#include "common/base/ring.h"
#include "common/rpc/completion.h"
#include "common/rpc/completion_loop.h"
#include "common/rpc/status.h"

namespace paramd {

// One bidirectional stream on the client: queues what is written, hands over what is read.
// Thread-safe. It keeps itself alive until gRPC has done with it; then `on_closed` is called, once
// and last. Both callbacks are completions of the loop.
//
//   auto stream = ClientStream<Request, Response>::Start(
//       loop, [&](auto* context, auto* queue) { return stub->PrepareAsyncJoin(context, queue); },
//       on_response, on_closed);
//   stream->Write(request);
template <typename Request, typename Response>
class ClientStream final {
 public:
  using Call = grpc::ClientAsyncReaderWriter<Request, Response>;
  // Prepares the call on a stub. The loop must live until `on_closed`.
  using Prepare =
      std::function<std::unique_ptr<Call>(grpc::ClientContext*, grpc::CompletionQueue*)>;

  static std::shared_ptr<ClientStream> Start(CompletionLoop& loop, const Prepare& prepare,
                                             std::function<void(Response&)> on_response,
                                             std::function<void(absl::Status)> on_closed) {
    std::shared_ptr<ClientStream> stream(new ClientStream);
    stream->on_response_ = std::move(on_response);
    stream->on_closed_ = std::move(on_closed);
    stream->self_ = stream;
    stream->call_ = prepare(&stream->context_, loop.queue());
    stream->call_->StartCall(&stream->started_);
    return stream;
  }

  // Queues a message; dropped when the stream has ended. With `hold` it may wait for the next one
  // or for Flush, to go out together.
  void Write(Request request, bool hold = false) {
    MutexLock lock(mutex_);
    if (ended_ || finishing_) return;
    queue_.push_back(std::move(request));
    holding_ = hold;
    WriteNext();
  }

  // What was held goes out. Returns whether messages wait for the one before them, which the loop
  // has to find written.
  bool Flush() {
    MutexLock lock(mutex_);
    holding_ = false;
    WriteNext();
    return queue_.size() > 1;
  }

  // Says after what is queued that nothing more will be written; the server then ends the stream.
  void FinishWriting() {
    MutexLock lock(mutex_);
    if (ended_ || finishing_) return;
    finishing_ = true;
    holding_ = false;
    WriteNext();
  }

  // Ends the stream at once, as CANCELLED.
  void Cancel() { context_.TryCancel(); }

 private:
  ClientStream() = default;

  void WriteNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!open_ || ended_ || writing_) return;
    if (!queue_.empty()) {
      if (holding_ && queue_.size() == 1) return;
      writing_ = true;
      grpc::WriteOptions options;
      // More follows at once: it may go out together.
      if (queue_.size() > 1) options.set_buffer_hint();
      call_->Write(queue_.front(), options, &written_);
    } else if (finishing_ && !half_closed_) {
      half_closed_ = true;
      writing_ = true;
      call_->WritesDone(&written_);
    }
  }

  void Started(bool ok) {
    {
      MutexLock lock(mutex_);
      open_ = ok;
      WriteNext();
    }
    if (ok) {
      call_->Read(&response_, &read_done_);
    } else {
      End();
    }
  }

  void ReadDone(bool ok) {
    if (!ok) return End();
    on_response_(response_);
    call_->Read(&response_, &read_done_);
  }

  void Written(bool ok) {
    {
      MutexLock lock(mutex_);
      writing_ = false;
      if (!half_closed_ && !queue_.empty()) queue_.pop_front();
      // When a write fails the read fails too, and that ends the stream.
      if (ok) WriteNext();
    }
    CloseIfDone();
  }

  void End() {
    {
      MutexLock lock(mutex_);
      ended_ = true;
    }
    call_->Finish(&status_, &finished_);
  }

  void Finished(bool /*ok*/) {
    {
      MutexLock lock(mutex_);
      is_finished_ = true;
    }
    CloseIfDone();
  }

  // Nothing of the call is on the queue any more.
  void CloseIfDone() {
    {
      MutexLock lock(mutex_);
      if (!is_finished_ || writing_) return;
    }
    const absl::Status result = FromGrpc(status_);
    const auto on_closed = std::move(on_closed_);
    // Whoever hears of the end may go on to end the process: nothing of the call is left then but
    // what it holds itself.
    self_.reset();
    on_closed(result);
  }

  MemberCompletion<ClientStream, &ClientStream::Started> started_{this};
  MemberCompletion<ClientStream, &ClientStream::ReadDone> read_done_{this};
  MemberCompletion<ClientStream, &ClientStream::Written> written_{this};
  MemberCompletion<ClientStream, &ClientStream::Finished> finished_{this};

  std::function<void(Response&)> on_response_;
  std::function<void(absl::Status)> on_closed_;
  grpc::ClientContext context_;
  std::unique_ptr<Call> call_;
  Response response_;
  grpc::Status status_;
  std::shared_ptr<ClientStream> self_;
  Mutex mutex_;
  // The front is being written when `writing_`.
  Ring<Request> queue_ ABSL_GUARDED_BY(mutex_);
  // The last of the queue waits for another one, or for Flush.
  bool holding_ ABSL_GUARDED_BY(mutex_) = false;
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool finishing_ ABSL_GUARDED_BY(mutex_) = false;
  bool half_closed_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_finished_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace paramd
