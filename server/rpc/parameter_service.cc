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

}  // namespace

void ParameterServiceImpl::Accept(StreamQueue& queue) {
  const auto open = [this](const std::shared_ptr<Stream::Writer>& writer) {
    const auto session = std::make_shared<Session>();  // shared by the two callbacks
    session->number = NewSessionNumber();
    return Stream::Handlers{.on_request =
                                [this, session, writer](v1::Operation& message) {
                                  const auto answer = [writer](const Reply& reply) {
                                    v1::Reply encoded;
                                    Encode(reply, &encoded);
                                    writer->Write(std::move(encoded));
                                  };
                                  const absl::StatusOr<DecodedOperation> operation =
                                      DecodeOperation(message);
                                  if (operation.ok()) {
                                    Identify(operation->view(), *session);
                                    engine_.Handle(operation->view(), answer);
                                  } else {
                                    answer(Reply{.sequence = message.header().sequence(),
                                                 .status = operation.status()});
                                  }
                                },
                            .on_closed = [this, session] { End(*session); }};
  };
  Stream::Accept(
      queue, std::make_shared<Stream::Service>(Stream::Service{
                 .request = [this](auto*... call) { RequestExchange(call...); }, .open = open}));
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
