#include "server/rpc/replica_service.h"

#include <grpcpp/support/byte_buffer.h>

#include <memory>
#include <string>
#include <utility>

#include "common/rpc/messages.h"
#include "common/rpc/server_stream.h"
#include "common/rpc/status.h"
#include "common/wire/frame.h"

namespace paramd {
namespace {

using Stream = ServerStream<grpc::ByteBuffer, grpc::ByteBuffer>;

}  // namespace

class ReplicaServiceImpl::Session {
 public:
  Session(Engine& engine, std::shared_ptr<Stream::Writer> writer)
      : engine_(engine), writer_(std::move(writer)) {}

  void Handle(grpc::ByteBuffer& message) {
    const absl::StatusOr<OperationFrame> frame = parser_.Parse(pieces_.Of(message));
    absl::Status status = frame.status();
    if (frame.ok() && frame->header->kind() == v1::Header::OPEN) {
      primary_ = frame->header->client();
    } else if (frame.ok()) {
      status = engine_.TakeReplicated(primary_, *frame->header, frame->keys, frame->values);
      if (status.ok() && engine_.MemoryIsFull()) {
        Answer(frame->header->replicated().number(),
               absl::ResourceExhaustedError("taken; there is no memory for more rows"));
      } else if (status.ok() || absl::IsFailedPrecondition(status)) {
        Answer(frame->header->replicated().number(), std::exchange(status, absl::OkStatus()));
      }
    }
    if (!status.ok()) writer_->Close(ToGrpc(status));
    pieces_.Clear();
    message.Clear();
  }

 private:
  void Answer(uint64_t number, const absl::Status& status) {
    grpc::Slice slice;
    if (status.ok()) {
      uint8_t bytes[kMaxPlainReply];
      slice = grpc::Slice(bytes, WritePlainReply({.sequence = number}, bytes));
    } else {
      std::string bytes;
      WriteReply({.sequence = number, .status = status}, &bytes);
      slice = grpc::Slice(bytes);
    }
    writer_->Write(grpc::ByteBuffer(&slice, 1));
  }

  Engine& engine_;
  const std::shared_ptr<Stream::Writer> writer_;
  MessagePieces pieces_;
  OperationParser parser_;
  // Server id of who sends.
  uint32_t primary_ = 0;
};

void ReplicaServiceImpl::Accept(StreamQueue& queue) {
  const auto open = [this](const std::shared_ptr<Stream::Writer>& writer) {
    const auto session = std::make_shared<Session>(engine_, writer);
    return Stream::Handlers{
        .on_request = [session](grpc::ByteBuffer& message) { session->Handle(message); },
        .on_all_requests = nullptr,
        .on_closed = nullptr};
  };
  Stream::Accept(
      queue, std::make_shared<Stream::Service>(Stream::Service{
                 .request = [this](auto*... call) { RequestReplicate(call...); }, .open = open}));
}

grpc::Status ReplicaServiceImpl::GetShardDigests(grpc::ServerContext*,
                                                 const v1::GetShardDigestsRequest*,
                                                 v1::ShardDigests* reply) {
  *reply = engine_.ShardDigests();
  return grpc::Status::OK;
}

}  // namespace paramd
