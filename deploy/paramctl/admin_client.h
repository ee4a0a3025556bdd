#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/rpc/coordinator_addresses.h"
#include "paramd/v1/admin.grpc.pb.h"

namespace paramd {

// Asks the coordinator that leads for something of AdminService; `call` makes the call and may be
// used more than once. What it answers; UNAVAILABLE and DEADLINE_EXCEEDED name the address.
absl::Status AskAdmin(
    CoordinatorAddresses& coordinators,
    const std::function<grpc::Status(v1::AdminService::Stub&, grpc::ClientContext*)>& call,
    absl::Duration timeout = absl::Seconds(5));

// What a command exits with that was answered so, which it says on stderr.
int ExitCodeOfAdmin(const absl::Status& status);

}  // namespace paramd
