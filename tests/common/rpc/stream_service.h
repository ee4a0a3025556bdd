#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "common/rpc/daemon_server.h"
#include "common/rpc/daemon_service.h"
#include "common/rpc/server_stream.h"
#include "paramd/v1/parameter.grpc.pb.h"

namespace paramd {

// Streams of Operation and Reply messages, handled as the test says.
class StreamService final
    : public v1::ParameterService::WithAsyncMethod_Exchange<v1::ParameterService::Service>,
      public DaemonService {
 public:
  using Stream = ServerStream<v1::Operation, v1::Reply>;
  using Open = std::function<Stream::Handlers(const std::shared_ptr<Stream::Writer>&)>;

  explicit StreamService(Open open) : open_(std::move(open)) {}

  grpc::Service* grpc_service() override { return this; }
  std::string name() const override { return v1::ParameterService::service_full_name(); }
  void Accept(StreamQueue& queue) override {
    Stream::Accept(
        queue, std::make_shared<Stream::Service>(Stream::Service{
                   .request = [this](auto*... call) { RequestExchange(call...); }, .open = open_}));
  }

 private:
  const Open open_;
};

// A daemon with just this service.
inline std::unique_ptr<DaemonServer> StartDaemon(StreamService& service) {
  return *DaemonServer::Start(
      {.listen = "127.0.0.1:0", .services = {&service}, .stream_threads = 2, .daemon_status = [] {
         return v1::DaemonStatus();
       }});
}

inline v1::Operation OperationOf(uint64_t sequence) {
  v1::Operation operation;
  operation.mutable_header()->set_sequence(sequence);
  return operation;
}

inline v1::Reply ReplyOf(uint64_t sequence) {
  v1::Reply reply;
  reply.set_sequence(sequence);
  return reply;
}

}  // namespace paramd
