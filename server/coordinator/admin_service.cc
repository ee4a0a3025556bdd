#include "server/coordinator/admin_service.h"

#include "common/rpc/status.h"

namespace paramd {

grpc::Status AdminServiceImpl::SetTable(grpc::ServerContext* /*context*/,
                                        const v1::SetTableRequest* request,
                                        v1::SetTableReply* reply) {
  const absl::StatusOr<std::shared_ptr<Coordinator>> coordinator = find_();
  if (!coordinator.ok()) return ToGrpc(coordinator.status());
  absl::StatusOr<v1::SetTableReply> result = (*coordinator)->SetTable(*request);
  if (result.ok()) *reply = *std::move(result);
  return ToGrpc(result.status());
}

grpc::Status AdminServiceImpl::SaveCheckpoint(grpc::ServerContext* /*context*/,
                                              const v1::SaveCheckpointRequest* /*request*/,
                                              v1::SaveCheckpointReply* reply) {
  const absl::StatusOr<std::shared_ptr<Coordinator>> coordinator = find_();
  if (!coordinator.ok()) return ToGrpc(coordinator.status());
  absl::StatusOr<v1::SaveCheckpointReply> result = (*coordinator)->SaveCheckpoint();
  if (result.ok()) *reply = *std::move(result);
  return ToGrpc(result.status());
}

grpc::Status AdminServiceImpl::Drain(grpc::ServerContext* /*context*/,
                                     const v1::DrainRequest* request, v1::DrainReply* reply) {
  const absl::StatusOr<std::shared_ptr<Coordinator>> coordinator = find_();
  if (!coordinator.ok()) return ToGrpc(coordinator.status());
  absl::StatusOr<v1::DrainReply> result = (*coordinator)->Drain(*request);
  if (result.ok()) *reply = *std::move(result);
  return ToGrpc(result.status());
}

grpc::Status AdminServiceImpl::PlanShards(grpc::ServerContext* /*context*/,
                                          const v1::PlanShardsRequest* /*request*/,
                                          v1::ShardPlan* reply) {
  const absl::StatusOr<std::shared_ptr<Coordinator>> coordinator = find_();
  if (!coordinator.ok()) return ToGrpc(coordinator.status());
  *reply = (*coordinator)->PlanShards();
  return grpc::Status::OK;
}

}  // namespace paramd
