#pragma once

#include <string>

#include "common/rpc/completion_threads.h"
#include "common/rpc/daemon_service.h"
#include "paramd/v1/coordinator.grpc.pb.h"
#include "server/coordinator/coordinator.h"

namespace paramd {

// CoordinatorService over gRPC: hands every message to the Coordinator, which outlives it.
class CoordinatorServiceImpl final
    : public v1::CoordinatorService::WithAsyncMethod_Join<v1::CoordinatorService::Service>,
      public DaemonService {
 public:
  explicit CoordinatorServiceImpl(Coordinator& coordinator) : coordinator_(coordinator) {}

  grpc::Service* grpc_service() override { return this; }
  std::string name() const override { return v1::CoordinatorService::service_full_name(); }
  void Accept(StreamQueue& queue) override;

 private:
  Coordinator& coordinator_;
};

}  // namespace paramd
