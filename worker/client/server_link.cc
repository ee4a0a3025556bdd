#include "worker/client/server_link.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/wire/codec.h"

namespace paramd {
namespace {

constexpr absl::Duration kReconnectPause = absl::Milliseconds(100);

}  // namespace

ServerLink::ServerLink(CompletionLoop& loop, std::string address, const ChannelOptions& options)
    : loop_(loop),
      address_(std::move(address)),
      stub_(v1::ParameterService::NewStub(MakeChannel(address_, options))),
      thread_("server-link", [this] { Run(); }) {}

ServerLink::~ServerLink() {
  Shutdown(absl::CancelledError("the client ends"));
  thread_.Join();
  MutexLock lock(mutex_);
  if (stream_ != nullptr) stream_->Cancel();
  while (open_streams_ > 0) changed_.Wait(mutex_);
}

void ServerLink::Send(const Operation& operation, Done done) {
  Open open{.message = {}, .done = std::move(done)};
  Encode(operation, &open.message);
  absl::Status shutdown;
  {
    MutexLock lock(mutex_);
    shutdown = shutdown_;
    if (shutdown.ok()) {
      open_.push_back(std::move(open));
      if (stream_ != nullptr) {
        stream_->Write(open_.back().message);
      } else {
        // It goes out with the rest when the stream is open again.
        changed_.NotifyAll();
      }
      return;
    }
  }
  open.done(Reply{.sequence = operation.sequence, .status = std::move(shutdown)});
}

void ServerLink::Shutdown(const absl::Status& status) {
  std::deque<Open> open;
  {
    MutexLock lock(mutex_);
    if (!shutdown_.ok()) return;
    shutdown_ = status;
    open.swap(open_);
    if (stream_ != nullptr) stream_->Cancel();
    changed_.NotifyAll();
  }
  for (Open& operation : open) {
    operation.done(Reply{.sequence = operation.message.header().sequence(), .status = status});
  }
}

void ServerLink::Run() {
  MutexLock lock(mutex_);
  while (shutdown_.ok()) {
    if (pause_) {
      // Breaks off a busy loop against a server that ends every stream at once.
      pause_ = false;
      changed_.WaitFor(mutex_, kReconnectPause);
      continue;
    }
    if (stream_ == nullptr && !open_.empty()) Connect();
    changed_.Wait(mutex_);
  }
}

void ServerLink::Connect() {
  const uint64_t attempt = ++attempt_;
  ++open_streams_;
  stream_ = Stream::Start(
      loop_,
      [this](grpc::ClientContext* context, grpc::CompletionQueue* queue) {
        // Waits for the server to come up instead of failing at once.
        context->set_wait_for_ready(true);
        return stub_->PrepareAsyncExchange(context, queue);
      },
      [this](v1::Reply& reply) { Receive(reply); },
      [this, attempt](const absl::Status& status) { Closed(attempt, status); });
  for (const Open& open : open_) stream_->Write(open.message);
}

void ServerLink::Receive(const v1::Reply& message) {
  Done done;
  {
    MutexLock lock(mutex_);
    const auto found = std::find_if(open_.begin(), open_.end(), [&](const Open& open) {
      return open.message.header().sequence() == message.sequence();
    });
    // Already answered on an earlier stream.
    if (found == open_.end()) return;
    done = std::move(found->done);
    open_.erase(found);
  }
  absl::StatusOr<Reply> reply = DecodeReply(message);
  if (!reply.ok()) reply = Reply{.sequence = message.sequence(), .status = reply.status()};
  done(*std::move(reply));
}

void ServerLink::Closed(uint64_t attempt, const absl::Status& status) {
  // What the server will never take: repeating it would go on for ever.
  const bool final = absl::IsResourceExhausted(status) || absl::IsInvalidArgument(status) ||
                     absl::IsUnimplemented(status) || absl::IsPermissionDenied(status);
  if (final) Shutdown(status);
  MutexLock lock(mutex_);
  --open_streams_;
  if (attempt == attempt_) {
    stream_ = nullptr;
    if (shutdown_.ok()) {
      spdlog::warn("the stream to server {} ended ({}); opening it again, {} operations to repeat",
                   address_, status.ToString(), open_.size());
    }
    pause_ = true;
  }
  changed_.NotifyAll();
}

}  // namespace paramd
