#pragma once

#include "paramd/v1/coordinator.grpc.pb.h"
#include "server/coordinator/coordinator.h"

namespace paramd {

// CoordinatorService over gRPC: hands every message to the Coordinator, which outlives it.
class CoordinatorServiceImpl final : public v1::CoordinatorService::CallbackService {
 public:
  explicit CoordinatorServiceImpl(Coordinator& coordinator) : coordinator_(coordinator) {}

  grpc::ServerBidiReactor<v1::MemberMessage, v1::CoordinatorMessage>* Join(
      grpc::CallbackServerContext* context) override;

 private:
  Coordinator& coordinator_;
};

}  // namespace paramd
