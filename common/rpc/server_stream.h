#pragma once

#include <grpcpp/completion_queue.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/async_stream.h>

#include <functional>
#include <memory>
#include <utility>

#include "common/base/mutex.h"
#include "common/base/ring.h"
#include "common/rpc/completion.h"
#include "common/rpc/completion_threads.h"

namespace paramd {

// One bidirectional stream on the server: reads a message at a time, queues what is written. It
// owns itself from Accept until gRPC has done with it; whoever wants to write keeps a Writer, which
// outlives it. Requests are handled by the thread of the completion queue that took the stream, one
// after the other; none is read while more than kMaxQueued answers wait to be written.
//
//   ServerStream<Request, Response>::Accept(queue, {
//       .request = [&](auto*... call) { service.RequestJoin(call...); },
//       .open = [&](const auto& writer) {
//         return Handlers{.on_request = ..., .on_closed = ...};
//       }});
template <typename Request, typename Response>
class ServerStream final {
 public:
  static constexpr size_t kMaxQueued = 64;

  using Call = grpc::ServerAsyncReaderWriter<Response, Request>;

  // Thread-safe.
  class Writer {
   public:
    // Queues a message; dropped when the stream has ended.
    void Write(Response response) {
      MutexLock lock(mutex_);
      if (stream_ == nullptr || closing_) return;
      queue_.push_back(std::move(response));
      WriteNext();
    }

    // Ends the stream after what is queued. Only the first call counts.
    void Close(grpc::Status status) {
      MutexLock lock(mutex_);
      if (stream_ == nullptr || closing_) return;
      closing_ = true;
      status_ = std::move(status);
      WriteNext();
    }

   private:
    friend class ServerStream;
    explicit Writer(ServerStream* stream) : stream_(stream) {}

    void WriteNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      if (writing_) return;
      if (!queue_.empty()) {
        writing_ = true;
        grpc::WriteOptions options;
        // More follows at once: it may go out together.
        if (queue_.size() > 1) options.set_buffer_hint();
        stream_->call_.Write(queue_.front(), options, &stream_->written_);
      } else if (closing_) {
        writing_ = true;
        std::exchange(stream_, nullptr)->Finish(status_);
      }
    }

    void Written(bool ok) {
      MutexLock lock(mutex_);
      writing_ = false;
      if (ok) {
        queue_.pop_front();
      } else {
        queue_.clear();
        closing_ = true;
      }
      if (stream_ != nullptr) WriteNext();
    }

    bool IsFull() {
      MutexLock lock(mutex_);
      return queue_.size() > kMaxQueued;
    }

    bool IsClosing() {
      MutexLock lock(mutex_);
      return stream_ == nullptr || closing_;
    }

    Mutex mutex_;
    ServerStream* stream_ ABSL_GUARDED_BY(mutex_);
    // The front is being written when `writing_`.
    Ring<Response> queue_ ABSL_GUARDED_BY(mutex_);
    bool writing_ ABSL_GUARDED_BY(mutex_) = false;
    bool closing_ ABSL_GUARDED_BY(mutex_) = false;
    grpc::Status status_ ABSL_GUARDED_BY(mutex_);
  };

  struct Handlers {
    // Called for one message after the other.
    std::function<void(Request&)> on_request;
    // Called when the client has said everything: whoever is set here closes the stream, after the
    // answers that are still to come. Not set: it is closed at once.
    std::function<void()> on_all_requests;
    // Called once, last.
    std::function<void()> on_closed;
  };

  struct Service {
    // Asks gRPC for the next call of the method.
    std::function<void(grpc::ServerContext*, Call*, grpc::CompletionQueue*,
                       grpc::ServerCompletionQueue*, void* tag)>
        request;
    // A stream was opened; `writer` is shared with whoever answers later.
    std::function<Handlers(const std::shared_ptr<Writer>& writer)> open;
  };

  // Takes streams of the service on `queue`, until the server shuts down.
  static void Accept(StreamQueue& queue, std::shared_ptr<const Service> service) {
    auto* const stream = new ServerStream(queue, std::move(service));
    stream->service_->request(&stream->context_, &stream->call_, queue.get(), queue.get(),
                              &stream->accepted_);
  }

 private:
  ServerStream(StreamQueue& queue, std::shared_ptr<const Service> service)
      : queue_(queue), service_(std::move(service)), writer_(new Writer(this)) {
    context_.AsyncNotifyWhenDone(&done_);
    queue_.Enter();
  }
  ~ServerStream() { queue_.Leave(); }

  void Accepted(bool ok) {
    if (!ok) {
      // The server shuts down; gRPC does not come back for a call that never began.
      delete this;
      return;
    }
    Accept(queue_, service_);
    handlers_ = service_->open(writer_);
    Read();
  }

  void Read() {
    reading_ = true;
    call_.Read(&request_, &read_done_);
  }

  void ReadDone(bool ok) {
    reading_ = false;
    if (!ok) {
      if (handlers_.on_all_requests) {
        handlers_.on_all_requests();
      } else {
        writer_->Close(grpc::Status::OK);
      }
      DeleteIfDone();
      return;
    }
    handlers_.on_request(request_);
    // Nothing that follows is taken. What else was under way may be over by now.
    if (writer_->IsClosing()) return DeleteIfDone();
    // Goes on when answers have been written.
    if (writer_->IsFull()) {
      paused_ = true;
    } else {
      Read();
    }
  }

  void Written(bool ok) {
    writer_->Written(ok);
    if (ok && paused_ && !writer_->IsClosing() && !writer_->IsFull()) {
      paused_ = false;
      Read();
    }
  }

  void Finish(const grpc::Status& status) { call_.Finish(status, &finished_); }

  void Finished(bool /*ok*/) {
    is_finished_ = true;
    DeleteIfDone();
  }

  void Done(bool /*ok*/) {
    is_done_ = true;
    if (context_.IsCancelled()) writer_->Close(grpc::Status(grpc::StatusCode::CANCELLED, ""));
    DeleteIfDone();
  }

  // Nothing of the call is on the queue any more: Finish comes after the last write.
  void DeleteIfDone() {
    if (reading_ || !is_finished_ || !is_done_) return;
    if (handlers_.on_closed) handlers_.on_closed();
    delete this;
  }

  MemberCompletion<ServerStream, &ServerStream::Accepted> accepted_{this};
  MemberCompletion<ServerStream, &ServerStream::ReadDone> read_done_{this};
  MemberCompletion<ServerStream, &ServerStream::Written> written_{this};
  MemberCompletion<ServerStream, &ServerStream::Finished> finished_{this};
  MemberCompletion<ServerStream, &ServerStream::Done> done_{this};

  StreamQueue& queue_;
  const std::shared_ptr<const Service> service_;
  const std::shared_ptr<Writer> writer_;
  Handlers handlers_;
  grpc::ServerContext context_;
  Call call_{&context_};
  Request request_;
  bool reading_ = false;
  bool paused_ = false;
  bool is_finished_ = false;
  bool is_done_ = false;
};

}  // namespace paramd
