#pragma once

#include <grpcpp/support/server_callback.h>

#include <deque>
#include <functional>
#include <memory>
#include <utility>

#include "common/base/mutex.h"

namespace paramd {

// One bidirectional stream on the server: reads a message at a time, queues what is written. It
// owns itself from creation until gRPC has done with it; whoever wants to write keeps a Writer,
// which outlives it.
//
//   auto* stream = new ServerStream<Request, Response>();
//   stream->Run([writer = stream->writer()](Request& r) { writer->Write(Answer(r)); }, on_closed);
//   return stream;  // from the service's method
template <typename Request, typename Response>
class ServerStream final : public grpc::ServerBidiReactor<Request, Response> {
 public:
  // Thread-safe.
  class Writer {
   public:
    // Queues a message; dropped when the stream has ended.
    void Write(Response response) {
      MutexLock lock(mutex_);
      if (stream_ == nullptr || closing_) return;
      queue_.push_back(std::move(response));
      if (queue_.size() == 1) stream_->StartWrite(&queue_.front());
    }

    // Ends the stream after what is queued. Only the first call counts.
    void Close(grpc::Status status) {
      MutexLock lock(mutex_);
      if (stream_ == nullptr || closing_) return;
      closing_ = true;
      status_ = std::move(status);
      if (queue_.empty()) Finish();
    }

   private:
    friend class ServerStream;
    explicit Writer(ServerStream* stream) : stream_(stream) {}

    void Finish() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      std::exchange(stream_, nullptr)->Finish(status_);
    }

    void Written(bool ok) {
      MutexLock lock(mutex_);
      if (ok) {
        queue_.pop_front();
      } else {
        queue_.clear();
        closing_ = true;
      }
      if (stream_ == nullptr) return;
      if (!queue_.empty()) {
        stream_->StartWrite(&queue_.front());
      } else if (closing_) {
        Finish();
      }
    }

    void ReadNext(Request* request) {
      MutexLock lock(mutex_);
      if (stream_ != nullptr) stream_->StartRead(request);
    }

    Mutex mutex_;
    ServerStream* stream_ ABSL_GUARDED_BY(mutex_);
    // The front is being written.
    std::deque<Response> queue_ ABSL_GUARDED_BY(mutex_);
    bool closing_ ABSL_GUARDED_BY(mutex_) = false;
    grpc::Status status_ ABSL_GUARDED_BY(mutex_);
  };

  ServerStream() : writer_(new Writer(this)) {}

  // Shared by the stream and by those who answer later.
  const std::shared_ptr<Writer>& writer() const { return writer_; }

  // `on_request` is called for one message after the other, `on_closed` once, last.
  void Run(std::function<void(Request&)> on_request, std::function<void()> on_closed) {
    on_request_ = std::move(on_request);
    on_closed_ = std::move(on_closed);
    writer_->ReadNext(&request_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      writer_->Close(grpc::Status::OK);
      return;
    }
    on_request_(request_);
    writer_->ReadNext(&request_);
  }
  void OnWriteDone(bool ok) override { writer_->Written(ok); }
  void OnCancel() override { writer_->Close(grpc::Status(grpc::StatusCode::CANCELLED, "")); }
  void OnDone() override {
    if (on_closed_) on_closed_();
    delete this;
  }

 private:
  ~ServerStream() override = default;

  const std::shared_ptr<Writer> writer_;
  std::function<void(Request&)> on_request_;
  std::function<void()> on_closed_;
  Request request_;
};

}  // namespace paramd
