#pragma once

#include "common/rpc/completion_threads.h"
#include "common/rpc/daemon_service.h"
#include "paramd/v1/replica.grpc.pb.h"
#include "server/engine/engine.h"

namespace paramd {

// ReplicaService over gRPC: hands what a primary sends to the Engine, which outlives the service.
class ReplicaServiceImpl final
    : public v1::ReplicaService::WithRawMethod_Replicate<v1::ReplicaService::Service>,
      public DaemonService {
 public:
  explicit ReplicaServiceImpl(Engine& engine) : engine_(engine) {}

  grpc::Service* grpc_service() override { return this; }
  std::string name() const override { return v1::ReplicaService::service_full_name(); }
  void Accept(StreamQueue& queue) override;

  grpc::Status GetShardDigests(grpc::ServerContext* context,
                               const v1::GetShardDigestsRequest* request,
                               v1::ShardDigests* reply) override;

 private:
  // One stream.
  class Session;

  Engine& engine_;
};

}  // namespace paramd
