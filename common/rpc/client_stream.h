#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <deque>
#include <functional>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "common/base/mutex.h"
#include "common/rpc/status.h"

namespace paramd {

// One bidirectional stream on the client: queues what is written, hands over what is read.
// Thread-safe. It keeps itself alive until gRPC has done with it; then `on_closed` is called, once
// and last.
//
//   auto stream = ClientStream<Request, Response>::Start(
//       [&](grpc::ClientContext* context, auto* reactor) { stub->async()->Exchange(context,
//       reactor); }, on_response, on_closed);
//   stream->Write(request);
template <typename Request, typename Response>
class ClientStream final : public grpc::ClientBidiReactor<Request, Response> {
 public:
  using Reactor = grpc::ClientBidiReactor<Request, Response>;

  // `open` makes the call on a stub, which must live until `on_closed`.
  static std::shared_ptr<ClientStream> Start(
      const std::function<void(grpc::ClientContext*, Reactor*)>& open,
      std::function<void(Response&)> on_response, std::function<void(absl::Status)> on_closed) {
    std::shared_ptr<ClientStream> stream(new ClientStream);
    stream->on_response_ = std::move(on_response);
    stream->on_closed_ = std::move(on_closed);
    stream->self_ = stream;
    open(&stream->context_, stream.get());
    // Writes come from outside of reactions, which gRPC allows as long as there is a hold.
    stream->AddHold();
    stream->StartRead(&stream->response_);
    stream->StartCall();
    return stream;
  }

  // Queues a message; dropped when the stream has ended.
  void Write(Request request) {
    MutexLock lock(mutex_);
    if (ended_) return;
    queue_.push_back(std::move(request));
    if (queue_.size() == 1) this->StartWrite(&queue_.front());
  }

  // Says after what is queued that nothing more will be written; the server then ends the stream.
  void FinishWriting() {
    MutexLock lock(mutex_);
    if (ended_ || finishing_) return;
    finishing_ = true;
    if (queue_.empty()) this->StartWritesDone();
  }

  // Ends the stream at once, as CANCELLED.
  void Cancel() { context_.TryCancel(); }

  void OnReadDone(bool ok) override {
    if (ok) {
      on_response_(response_);
      this->StartRead(&response_);
    } else {
      End();
    }
  }

  void OnWriteDone(bool ok) override {
    MutexLock lock(mutex_);
    // When a write fails the read fails too, and that ends the stream.
    if (!ok || ended_) return;
    queue_.pop_front();
    if (!queue_.empty()) {
      this->StartWrite(&queue_.front());
    } else if (finishing_) {
      this->StartWritesDone();
    }
  }

  void OnDone(const grpc::Status& status) override {
    const absl::Status result = FromGrpc(status);
    const auto on_closed = std::move(on_closed_);
    // Whoever hears of the end may go on to end the process: nothing of the call is left then but
    // what it holds itself.
    self_.reset();
    on_closed(result);
  }

 private:
  ClientStream() = default;

  void End() {
    MutexLock lock(mutex_);
    if (ended_) return;
    ended_ = true;
    this->RemoveHold();
  }

  std::function<void(Response&)> on_response_;
  std::function<void(absl::Status)> on_closed_;
  grpc::ClientContext context_;
  Response response_;
  std::shared_ptr<ClientStream> self_;
  Mutex mutex_;
  // The front is being written.
  std::deque<Request> queue_ ABSL_GUARDED_BY(mutex_);
  bool finishing_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace paramd
