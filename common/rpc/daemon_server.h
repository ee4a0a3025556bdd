#pragma once

#include <grpcpp/server.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/rpc/channel.h"
#include "common/rpc/completion_threads.h"
#include "common/rpc/daemon_service.h"
#include "common/rpc/health_service.h"
#include "paramd/v1/status.grpc.pb.h"

namespace paramd {

// The gRPC server of a daemon: the services it is given, and those that every daemon has (status,
// health, reflection). Thread-safe.
class DaemonServer {
 public:
  struct Options {
    // host:port; port 0 binds a free one.
    std::string listen;
    ChannelOptions channel;
    // Borrowed; must outlive the server.
    std::vector<DaemonService*> services;
    // Threads that handle streams.
    int stream_threads = 1;
    // What only the daemon itself knows of its status; uptime and memory are filled in here.
    std::function<v1::DaemonStatus()> daemon_status;
    // Coordinator only. An error is the answer too.
    std::function<absl::StatusOr<v1::ClusterStatus>()> cluster_status;
    Clock* clock = &Clock::System();
  };

  // UNAVAILABLE: the address cannot be bound.
  static absl::StatusOr<std::unique_ptr<DaemonServer>> Start(Options options);
  // Ends open calls at once.
  ~DaemonServer();

  // host:port with the port that was bound.
  const std::string& address() const { return address_; }

 private:
  class StatusServiceImpl;

  DaemonServer();

  std::string address_;
  std::unique_ptr<StatusServiceImpl> status_service_;
  std::unique_ptr<HealthService> health_service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<CompletionThreads> threads_;
};

// Says on stdout, in one line, that the daemon is up: "ready role=worker address=127.0.0.1:4711
// pid=42".
void AnnounceReady(const std::string& role, const std::string& address);

}  // namespace paramd
