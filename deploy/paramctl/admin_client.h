#pragma once

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "paramd/v1/admin.grpc.pb.h"

namespace paramd {

// Of the setting cluster.coordinator.address.
std::string DefaultCoordinator();

// Asks the coordinator that leads among `coordinators` ("HOST:PORT,..."), which gets `timeout` to
// answer. Returns the exit code; what went wrong is on stderr.
int AskAdmin(
    const std::string& coordinators, absl::Duration timeout,
    absl::FunctionRef<grpc::Status(v1::AdminService::Stub& stub, grpc::ClientContext* context)>
        ask);

}  // namespace paramd
