#pragma once

#include <cstdint>
#include <map>

#include "common/base/mutex.h"
#include "common/wire/operation.h"
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
