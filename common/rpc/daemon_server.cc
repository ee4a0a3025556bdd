#include "common/rpc/daemon_server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>
#include <unistd.h>

#include <cstdio>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/process_memory.h"
#include "common/rpc/status.h"

namespace paramd {

class DaemonServer::StatusServiceImpl final : public v1::StatusService::Service {
 public:
  explicit StatusServiceImpl(Options options)
      : options_(std::move(options)), started_(options_.clock->SinceBoot()) {}

  grpc::Status GetClusterStatus(grpc::ServerContext*, const v1::GetClusterStatusRequest*,
                                v1::ClusterStatus* response) override {
    if (!options_.cluster_status) {
      return grpc::Status(grpc::StatusCode::UNIMPLEMENTED,
                          "this daemon is not the coordinator; ask that one");
    }
    absl::StatusOr<v1::ClusterStatus> status = options_.cluster_status();
    if (status.ok()) *response = *std::move(status);
    return ToGrpc(status.status());
  }

  grpc::Status GetDaemonStatus(grpc::ServerContext*, const v1::GetDaemonStatusRequest*,
                               v1::DaemonStatus* response) override {
    *response = options_.daemon_status();
    response->set_uptime_seconds(absl::ToDoubleSeconds(options_.clock->SinceBoot() - started_));
    response->set_resident_bytes(ResidentBytes());
    return grpc::Status::OK;
  }

 private:
  const Options options_;
  const absl::Duration started_;
};

DaemonServer::DaemonServer() = default;

absl::StatusOr<std::unique_ptr<DaemonServer>> DaemonServer::Start(Options options) {
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  std::unique_ptr<DaemonServer> daemon(new DaemonServer);
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(options.listen, grpc::InsecureServerCredentials(), &port);
  ConfigureServer(builder, options.channel);
  std::set<std::string> names = {v1::StatusService::service_full_name()};
  for (DaemonService* const service : options.services) {
    builder.RegisterService(service->grpc_service());
    names.insert(service->name());
  }
  const std::string listen = options.listen;
  const std::vector<DaemonService*> services = options.services;
  daemon->threads_ =
      std::make_unique<CompletionThreads>(builder, services.empty() ? 0 : options.stream_threads);
  daemon->status_service_ = std::make_unique<StatusServiceImpl>(std::move(options));
  builder.RegisterService(daemon->status_service_.get());
  daemon->health_service_ = std::make_unique<HealthService>(std::move(names));
  builder.RegisterService(daemon->health_service_.get());
  daemon->server_ = builder.BuildAndStart();
  if (daemon->server_ == nullptr || port == 0) {
    return absl::UnavailableError(absl::StrCat(
        "cannot listen on ", listen, "; is the address this machine's and the port free?"));
  }
  for (DaemonService* const service : services) {
    for (const auto& queue : daemon->threads_->queues()) service->Accept(*queue);
  }
  daemon->threads_->Start();
  daemon->address_ = absl::StrCat(listen.substr(0, listen.rfind(':')), ":", port);
  return daemon;
}

DaemonServer::~DaemonServer() {
  if (server_ == nullptr) return;
  // A deadline that is over: calls that are still open are cancelled.
  server_->Shutdown(std::chrono::system_clock::time_point());
  server_->Wait();
  // Requests that are not taken any more still refer to the server.
  threads_.reset();
}

void AnnounceReady(const std::string& role, const std::string& address) {
  std::printf("ready role=%s address=%s pid=%d\n", role.c_str(), address.c_str(), getpid());
  std::fflush(stdout);
}

}  // namespace paramd
