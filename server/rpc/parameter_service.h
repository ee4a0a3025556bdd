#pragma once

#include "paramd/v1/parameter.grpc.pb.h"
#include "server/engine/engine.h"

namespace paramd {

// ParameterService over gRPC: decodes, calls the Engine, which outlives it, and encodes.
class ParameterServiceImpl final : public v1::ParameterService::CallbackService {
 public:
  explicit ParameterServiceImpl(Engine& engine) : engine_(engine) {}

  grpc::ServerBidiReactor<v1::Operation, v1::Reply>* Exchange(
      grpc::CallbackServerContext* context) override;

  grpc::ServerWriteReactor<v1::ShardRows>* ReadShard(grpc::CallbackServerContext* context,
                                                     const v1::ReadShardRequest* request) override;

 private:
  Engine& engine_;
};

}  // namespace paramd
