#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "common/rpc/completion_threads.h"
#include "common/rpc/daemon_service.h"
#include "paramd/v1/coordinator.grpc.pb.h"
#include "server/coordinator/coordinator.h"

namespace paramd {

// The coordinator of this process, or why there is none now.
using FindCoordinator = std::function<absl::StatusOr<std::shared_ptr<Coordinator>>()>;

// CoordinatorService over gRPC: hands every message to the Coordinator.
class CoordinatorServiceImpl final
    : public v1::CoordinatorService::WithAsyncMethod_Join<v1::CoordinatorService::Service>,
      public DaemonService {
 public:
  explicit CoordinatorServiceImpl(FindCoordinator find) : find_(std::move(find)) {}

  grpc::Service* grpc_service() override { return this; }
  std::string name() const override { return v1::CoordinatorService::service_full_name(); }
  void Accept(StreamQueue& queue) override;

 private:
  const FindCoordinator find_;
};

}  // namespace paramd
