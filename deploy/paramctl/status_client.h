#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "paramd/v1/status.grpc.pb.h"

namespace paramd {

// Asks a coordinator for the state of its cluster. Thread-safe.
class StatusClient {
 public:
  // `address`: host:port. Connects when first asked, and again after a failure.
  explicit StatusClient(std::string address);

  // UNAVAILABLE: nobody answers there; DEADLINE_EXCEEDED: not within `timeout`; UNIMPLEMENTED:
  // somebody else than a coordinator answers. Messages name the address.
  absl::StatusOr<v1::ClusterStatus> Get(absl::Duration timeout);

 private:
  const std::string address_;
  const std::unique_ptr<v1::StatusService::Stub> stub_;
};

}  // namespace paramd
