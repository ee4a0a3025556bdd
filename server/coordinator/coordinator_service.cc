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

void CoordinatorServiceImpl::Accept(StreamQueue& queue) {
  const auto open = [this](const std::shared_ptr<Stream::Writer>& writer) -> Stream::Handlers {
    const absl::StatusOr<std::shared_ptr<Coordinator>> found = find_();
    if (!found.ok()) {
      return {.on_request = [writer, refusal = found.status()](
                                v1::MemberMessage&) { writer->Close(ToGrpc(refusal)); },
              .on_closed = [] {}};
    }
    const std::shared_ptr<Coordinator>& coordinator = *found;
    const ConnectionId id = coordinator->Connect(std::make_shared<StreamConnection>(writer));
    return {.on_request =
                [coordinator, id](v1::MemberMessage& message) {
                  coordinator->Receive(id, std::move(message));
                },
            .on_closed = [coordinator, id] { coordinator->Disconnect(id); }};
  };
  Stream::Accept(queue,
                 std::make_shared<Stream::Service>(Stream::Service{
                     .request = [this](auto*... call) { RequestJoin(call...); }, .open = open}));
}

}  // namespace paramd
