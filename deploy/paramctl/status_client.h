#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/rpc/coordinator_addresses.h"
#include "paramd/v1/status.grpc.pb.h"

namespace paramd {

// Asks the coordinator that leads for the state of its cluster. Not thread-safe.
class StatusClient {
 public:
  // Connects when first asked, and again after a failure.
  explicit StatusClient(CoordinatorAddresses coordinators);

  // UNAVAILABLE: nobody answers there, or nobody leads; DEADLINE_EXCEEDED: not within `timeout`
  // (of each that is asked); UNIMPLEMENTED: somebody else than a coordinator answers. Messages name
  // the address.
  absl::StatusOr<v1::ClusterStatus> Get(absl::Duration timeout);

 private:
  CoordinatorAddresses coordinators_;
  // To the one at `address_`.
  std::string address_;
  std::unique_ptr<v1::StatusService::Stub> stub_;
};

}  // namespace paramd
