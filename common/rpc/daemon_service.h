#pragma once

#include <grpcpp/impl/service_type.h>

#include <string>

#include "common/rpc/completion_threads.h"

namespace paramd {

// A service of a daemon: methods with plain handlers run on threads of their own; streams are taken
// from completion queues.
class DaemonService {
 public:
  virtual ~DaemonService() = default;

  virtual grpc::Service* grpc_service() = 0;

  // Its full name, for health checks.
  virtual std::string name() const = 0;

  // Takes streams on `queue` until the server shuts down.
  virtual void Accept(StreamQueue& queue) = 0;
};

}  // namespace paramd
