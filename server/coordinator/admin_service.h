#pragma once

#include <string>
#include <utility>

#include "common/rpc/completion_threads.h"
#include "common/rpc/daemon_service.h"
#include "paramd/v1/admin.grpc.pb.h"
#include "server/coordinator/coordinator_service.h"

namespace paramd {

// AdminService over gRPC: hands every request to the Coordinator.
class AdminServiceImpl final : public v1::AdminService::Service, public DaemonService {
 public:
  explicit AdminServiceImpl(FindCoordinator find) : find_(std::move(find)) {}

  grpc::Service* grpc_service() override { return this; }
  std::string name() const override { return v1::AdminService::service_full_name(); }
  void Accept(StreamQueue& /*queue*/) override {}  // has no streams

  grpc::Status SetTable(grpc::ServerContext* context, const v1::SetTableRequest* request,
                        v1::SetTableReply* reply) override;
  grpc::Status SaveCheckpoint(grpc::ServerContext* context,
                              const v1::SaveCheckpointRequest* request,
                              v1::SaveCheckpointReply* reply) override;
  grpc::Status Drain(grpc::ServerContext* context, const v1::DrainRequest* request,
                     v1::DrainReply* reply) override;
  grpc::Status PlanShards(grpc::ServerContext* context, const v1::PlanShardsRequest* request,
                          v1::ShardPlan* reply) override;

 private:
  const FindCoordinator find_;
};

}  // namespace paramd
