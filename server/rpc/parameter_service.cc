#include "server/rpc/parameter_service.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "common/rpc/server_stream.h"
#include "common/rpc/status.h"
#include "common/wire/codec.h"

namespace paramd {
namespace {

using Stream = ServerStream<v1::Operation, v1::Reply>;

// Sends a snapshot in messages of about a mebibyte.
class ShardWriter final : public grpc::ServerWriteReactor<v1::ShardRows> {
 public:
  explicit ShardWriter(absl::StatusOr<ShardSnapshot> snapshot) : snapshot_(std::move(snapshot)) {
    if (snapshot_.ok()) {
      WriteNext();
    } else {
      Finish(ToGrpc(snapshot_.status()));
    }
  }

  void OnWriteDone(bool ok) override {
    if (ok) {
      WriteNext();
    } else {
      Finish(grpc::Status::CANCELLED);
    }
  }
  void OnDone() override { delete this; }

 private:
  void WriteNext() {
    constexpr size_t kBytes = 1 << 20;
    const size_t row_bytes =
        snapshot_->dim * sizeof(float) + (snapshot_->keys.empty() ? 0 : sizeof(uint64_t));
    const size_t total = snapshot_->values.size() / snapshot_->dim;
    const size_t rows = std::min(std::max<size_t>(kBytes / row_bytes, 1), total - next_);
    if (rows == 0) {
      Finish(grpc::Status::OK);
      return;
    }
    message_.set_values(snapshot_->values.data() + next_ * snapshot_->dim,
                        rows * snapshot_->dim * sizeof(float));
    if (!snapshot_->keys.empty()) {
      message_.set_keys(snapshot_->keys.data() + next_, rows * sizeof(uint64_t));
    }
    next_ += rows;
    StartWrite(&message_);
  }

  const absl::StatusOr<ShardSnapshot> snapshot_;
  size_t next_ = 0;
  v1::ShardRows message_;
};

}  // namespace

grpc::ServerBidiReactor<v1::Operation, v1::Reply>* ParameterServiceImpl::Exchange(
    grpc::CallbackServerContext*) {
  auto* stream = new Stream;
  const auto session = std::make_shared<Session>();  // shared by the two callbacks
  session->number = NewSessionNumber();
  stream->Run(
      [this, session, writer = stream->writer()](v1::Operation& message) {
        const auto answer = [writer](const Reply& reply) {
          v1::Reply encoded;
          Encode(reply, &encoded);
          writer->Write(std::move(encoded));
        };
        const absl::StatusOr<DecodedOperation> operation = DecodeOperation(message);
        if (operation.ok()) {
          Identify(operation->view(), *session);
          engine_.Handle(operation->view(), answer);
        } else {
          answer(Reply{.sequence = message.header().sequence(), .status = operation.status()});
        }
      },
      [this, session] { End(*session); });
  return stream;
}

uint64_t ParameterServiceImpl::NewSessionNumber() {
  MutexLock lock(mutex_);
  return ++sessions_;
}

void ParameterServiceImpl::Identify(const Operation& operation, Session& session) {
  if (operation.client == session.client && operation.incarnation == session.incarnation) return;
  session.client = operation.client;
  session.incarnation = operation.incarnation;
  MutexLock lock(mutex_);
  uint64_t& newest = newest_[session.client];
  newest = std::max(newest, session.number);
}

void ParameterServiceImpl::End(const Session& session) {
  // Under the lock, so that a newer stream begins before (then there is nothing to do) or after it.
  // What is answered goes to the stream that has ended.
  MutexLock lock(mutex_);
  const auto newest = newest_.find(session.client);
  if (newest == newest_.end() || newest->second != session.number) return;
  newest_.erase(newest);
  engine_.Cancel(session.client, session.incarnation);
}

grpc::ServerWriteReactor<v1::ShardRows>* ParameterServiceImpl::ReadShard(
    grpc::CallbackServerContext*, const v1::ReadShardRequest* request) {
  return new ShardWriter(engine_.ReadShard(request->table(), request->shard(), request->epoch()));
}

}  // namespace paramd
