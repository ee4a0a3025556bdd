#include "server/rpc/parameter_service.h"

#include <grpcpp/support/byte_buffer.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "common/rpc/messages.h"
#include "common/rpc/server_stream.h"
#include "common/rpc/status.h"
#include "common/wire/frame.h"
#include "server/rpc/operation_reader.h"

namespace paramd {
namespace {

using Stream = ServerStream<grpc::ByteBuffer, grpc::ByteBuffer>;

grpc::ByteBuffer Encode(const Reply& reply) {
  grpc::Slice slice;
  if (reply.values.size() > 0) {
    const size_t begin = WriteBeforeValues(reply);
    slice = SliceOf(reply.values, begin, reply.values.size() - begin);
  } else if (reply.status.ok() && !reply.send_keys) {
    uint8_t bytes[kMaxPlainReply];
    slice = grpc::Slice(bytes, WritePlainReply(reply, bytes));
  } else {
    std::string bytes;
    WriteReply(reply, &bytes);
    slice = grpc::Slice(bytes);
  }
  return grpc::ByteBuffer(&slice, 1);
}

}  // namespace

class ParameterServiceImpl::Session {
 public:
  Session(ParameterServiceImpl& service, std::shared_ptr<Stream::Writer> writer)
      : service_(service),
        writer_(std::move(writer)),
        number_(service.NewSessionNumber()),
        unanswered_(std::make_shared<Unanswered>(writer_)),
        answer_([unanswered = unanswered_](const Reply& reply) { unanswered->Answer(reply); }),
        answer_ordered_([unanswered = unanswered_](const Reply& reply) {
          if (absl::IsUnavailable(reply.status) || absl::IsResourceExhausted(reply.status)) {
            unanswered->Refuse();
          }
          unanswered->Answer(reply);
        }) {}

  ~Session() {
    if (client_ != 0) service_.End(client_, incarnation_, number_);
  }

  void Handle(grpc::ByteBuffer& message) {
    OperationReader::Outcome outcome = reader_.Read(pieces_->Of(message));
    switch (outcome.kind) {
      case OperationReader::Outcome::Kind::kOperation:
        Identify(outcome.operation);
        HandleOperation(outcome.operation);
        break;
      case OperationReader::Outcome::Kind::kAnswer:
        writer_->Write(Encode({.sequence = outcome.operation.sequence, .status = outcome.status}));
        break;
      case OperationReader::Outcome::Kind::kSendKeys:
        writer_->Write(Encode({.sequence = outcome.operation.sequence, .send_keys = true}));
        break;
      case OperationReader::Outcome::Kind::kIgnore:
        break;
      case OperationReader::Outcome::Kind::kBroken:
        writer_->Close(ToGrpc(outcome.status));
        break;
    }
    // What was received is not held until the next message; unless others do.
    if (pieces_.use_count() > 1) {
      pieces_ = std::make_shared<MessagePieces>();
    } else {
      pieces_->Clear();
    }
    message.Clear();
  }

  void HandleEnd() { unanswered_->CloseAtZero(); }

 private:
  // The operations that the engine has taken and not answered. Shared with the engine, which may
  // answer when the session is over.
  class Unanswered {
   public:
    explicit Unanswered(std::shared_ptr<Stream::Writer> writer) : writer_(std::move(writer)) {}

    void Add() { count_.fetch_add(1, std::memory_order_relaxed); }
    void Answer(const Reply& reply) {
      writer_->Write(Encode(reply));
      Release();
    }
    // What was refused is to come again, and nothing that follows may come before it: shards know
    // the last push of a client only. The client opens another stream.
    void Refuse() { refused_.store(true, std::memory_order_relaxed); }
    bool refused() const { return refused_.load(std::memory_order_relaxed); }

    // Ends the stream when the last one is answered.
    void CloseAtZero() {
      closing_ = true;
      Add();
      Release();
    }

   private:
    void Release() {
      if (count_.fetch_sub(1, std::memory_order_acq_rel) > 1 || !closing_) return;
      writer_->Close(grpc::Status::OK);
    }

    const std::shared_ptr<Stream::Writer> writer_;
    std::atomic<int64_t> count_{0};
    std::atomic<bool> closing_{false};
    std::atomic<bool> refused_{false};
  };

  void HandleOperation(Operation& operation) {
    unanswered_->Add();
    if (unanswered_->refused()) {
      return unanswered_->Answer(
          {.sequence = operation.sequence,
           .status = absl::UnavailableError("one before this was refused; send that first")});
    }
    const bool push = operation.kind == OperationKind::kPush;
    if (push && service_.engine_.replicates()) operation.owner = pieces_;
    // A pull that is refused holds up nothing.
    const bool ordered = operation.kind != OperationKind::kPull;
    service_.engine_.Handle(operation, ordered ? answer_ordered_ : answer_);
  }

  void Identify(const Operation& operation) {
    if (operation.client == client_ && operation.incarnation == incarnation_) return;
    // Who is no member is refused, and has nothing that waits.
    if (!service_.engine_.IsMember(operation.client, operation.incarnation)) return;
    if (client_ != 0) service_.End(client_, incarnation_, number_);
    client_ = operation.client;
    incarnation_ = operation.incarnation;
    service_.Identify(client_, number_);
  }

  ParameterServiceImpl& service_;
  const std::shared_ptr<Stream::Writer> writer_;
  const uint64_t number_;
  const std::shared_ptr<Unanswered> unanswered_;
  const ReplyCallback answer_;
  const ReplyCallback answer_ordered_;
  // Shared with operations that are sent on to backups.
  std::shared_ptr<MessagePieces> pieces_ = std::make_shared<MessagePieces>();
  OperationReader reader_;
  // Who speaks; 0: nobody yet.
  uint32_t client_ = 0;
  uint64_t incarnation_ = 0;
};

void ParameterServiceImpl::Accept(StreamQueue& queue) {
  const auto open = [this](const std::shared_ptr<Stream::Writer>& writer) {
    const auto session = std::make_shared<Session>(*this, writer);
    return Stream::Handlers{
        .on_request = [session](grpc::ByteBuffer& message) { session->Handle(message); },
        .on_all_requests = [session] { session->HandleEnd(); },
        .on_closed = nullptr};
  };
  Stream::Accept(
      queue, std::make_shared<Stream::Service>(Stream::Service{
                 .request = [this](auto*... call) { RequestExchange(call...); }, .open = open}));
}

uint64_t ParameterServiceImpl::NewSessionNumber() {
  MutexLock lock(mutex_);
  return ++sessions_;
}

void ParameterServiceImpl::Identify(uint32_t client, uint64_t session) {
  MutexLock lock(mutex_);
  uint64_t& newest = newest_[client];
  newest = std::max(newest, session);
}

void ParameterServiceImpl::End(uint32_t client, uint64_t incarnation, uint64_t session) {
  // Under the lock, so that a newer stream begins before (then there is nothing to do) or after it.
  // What is answered goes to the stream that has ended.
  MutexLock lock(mutex_);
  const auto newest = newest_.find(client);
  if (newest == newest_.end() || newest->second != session) return;
  newest_.erase(newest);
  engine_.Cancel(client, incarnation);
}

grpc::Status ParameterServiceImpl::ReadShard(grpc::ServerContext*,
                                             const v1::ReadShardRequest* request,
                                             grpc::ServerWriter<v1::ShardRows>* writer) {
  // Messages of about this many bytes.
  constexpr size_t kBytes = 1 << 20;
  const absl::StatusOr<ShardSnapshot> snapshot =
      engine_.ReadShard(request->table(), request->shard(), request->epoch());
  if (!snapshot.ok()) return ToGrpc(snapshot.status());
  const size_t row_bytes =
      snapshot->dim * sizeof(float) + (snapshot->keys.empty() ? 0 : sizeof(uint64_t));
  const size_t total = snapshot->values.size() / snapshot->dim;
  const size_t rows_per_message = std::max<size_t>(kBytes / row_bytes, 1);
  v1::ShardRows message;
  for (size_t first = 0; first < total; first += rows_per_message) {
    const size_t rows = std::min(rows_per_message, total - first);
    message.set_values(snapshot->values.data() + first * snapshot->dim,
                       rows * snapshot->dim * sizeof(float));
    if (!snapshot->keys.empty()) {
      message.set_keys(snapshot->keys.data() + first, rows * sizeof(uint64_t));
    }
    if (!writer->Write(message)) return grpc::Status::CANCELLED;
  }
  return grpc::Status::OK;
}

}  // namespace paramd
