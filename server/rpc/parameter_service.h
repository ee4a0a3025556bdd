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

// ParameterService over gRPC: decodes, calls the Engine, which outlives it, and encodes.
class ParameterServiceImpl final
    : public v1::ParameterService::WithAsyncMethod_Exchange<v1::ParameterService::Service>,
      public DaemonService {
 public:
  explicit ParameterServiceImpl(Engine& engine) : engine_(engine) {}

  grpc::Service* grpc_service() override { return this; }
  std::string name() const override { return v1::ParameterService::service_full_name(); }
  void Accept(StreamQueue& queue) override;

  grpc::Status ReadShard(grpc::ServerContext* context, const v1::ReadShardRequest* request,
                         grpc::ServerWriter<v1::ShardRows>* writer) override;

 private:
  // One stream, and the client that speaks on it (0: nobody yet).
  struct Session {
    uint64_t number = 0;
    uint32_t client = 0;
    uint64_t incarnation = 0;
  };

  uint64_t NewSessionNumber();
  // Notes that the client's newest stream is this one.
  void Identify(const Operation& operation, Session& session);
  // The stream is gone: nobody waits for its parked pulls, unless the client has a newer stream.
  void End(const Session& session);

  Engine& engine_;
  Mutex mutex_;
  uint64_t sessions_ ABSL_GUARDED_BY(mutex_) = 0;
  // Number of the newest session of each client.
  std::map<uint32_t, uint64_t> newest_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace paramd
