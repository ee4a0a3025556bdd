#include "server/coordinator/coordinator_service.h"

#include <memory>
#include <utility>

#include "common/rpc/server_stream.h"
#include "common/rpc/status.h"

namespace paramd {
namespace {

using Stream = ServerStream<v1::MemberMessage, v1::CoordinatorMessage>;

class StreamConnection final : public Coordinator::Connection {
 public:
  explicit StreamConnection(std::shared_ptr<Stream::Writer> writer) : writer_(std::move(writer)) {}

  void Send(const v1::CoordinatorMessage& message) override { writer_->Write(message); }
  void Close(const absl::Status& status) override { writer_->Close(ToGrpc(status)); }

 private:
  const std::shared_ptr<Stream::Writer> writer_;
};

}  // namespace

grpc::ServerBidiReactor<v1::MemberMessage, v1::CoordinatorMessage>* CoordinatorServiceImpl::Join(
    grpc::CallbackServerContext*) {
  auto* stream = new Stream;
  const ConnectionId id =
      coordinator_.Connect(std::make_shared<StreamConnection>(stream->writer()));
  stream->Run(
      [this, id](v1::MemberMessage& message) { coordinator_.Receive(id, std::move(message)); },
      [this, id] { coordinator_.Disconnect(id); });
  return stream;
}

}  // namespace paramd
