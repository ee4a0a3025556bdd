#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "common/base/mutex.h"
#include "common/rpc/completion_threads.h"
#include "common/rpc/daemon_service.h"
#include "common/wire/operation.h"
#include "paramd/v1/parameter.grpc.pb.h"
#include "server/engine/engine.h"

namespace paramd {

// ParameterService over gRPC. Operations are read where they were received (common/wire/frame.h),
// and handed to the Engine, which outlives the service.
class ParameterServiceImpl final
    : public v1::ParameterService::WithRawMethod_Exchange<v1::ParameterService::Service>,
      public DaemonService {
 public:
  explicit ParameterServiceImpl(Engine& engine) : engine_(engine) {}

  grpc::Service* grpc_service() override { return this; }
  std::string name() const override { return v1::ParameterService::service_full_name(); }
  void Accept(StreamQueue& queue) override;

  grpc::Status ReadShard(grpc::ServerContext* context, const v1::ReadShardRequest* request,
                         grpc::ServerWriter<v1::ShardRows>* writer) override;

 private:
  // One stream.
  class Session;

  uint64_t NewSessionNumber();
  // Notes that the client's newest stream is the one of this number.
  void Identify(uint32_t client, uint64_t session);
  // The stream is gone: nobody waits for its parked pulls, unless the client has a newer stream.
  void End(uint32_t client, uint64_t incarnation, uint64_t session);

  Engine& engine_;
  Mutex mutex_;
  uint64_t sessions_ ABSL_GUARDED_BY(mutex_) = 0;
  // Number of the newest session of each client.
  std::map<uint32_t, uint64_t> newest_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace paramd
