#include "deploy/paramctl/admin_client.h"

#include <grpcpp/grpcpp.h>

#include <iostream>

#include "absl/strings/str_cat.h"
#include "common/base/clock.h"
#include "common/base/exit_code.h"
#include "common/rpc/coordinator_addresses.h"
#include "common/rpc/status.h"
#include "paramd/v1/config.pb.h"

namespace paramd {
namespace {

int ExitCodeOf(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk:
      return kExitDone;
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kInvalidArgument:
      return kExitBadConfig;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kUnimplemented:
      return kExitUnreachable;
    default:
      return kExitFailure;
  }
}

}  // namespace

std::string DefaultCoordinator() {
  return v1::Coordinator::GetDescriptor()
      ->FindFieldByName("address")
      ->options()
      .GetExtension(v1::setting)
      .default_value();
}

int AskAdmin(
    const std::string& coordinators, absl::Duration timeout,
    absl::FunctionRef<grpc::Status(v1::AdminService::Stub& stub, grpc::ClientContext* context)>
        ask) {
  absl::StatusOr<CoordinatorAddresses> addresses = CoordinatorAddresses::Parse(coordinators);
  if (!addresses.ok()) {
    std::cerr << "paramctl: " << addresses.status().message() << "\n";
    return kExitUsage;
  }
  std::string asked;
  const absl::Status status = AskLeader(*addresses, [&](const std::string& coordinator) {
    asked = coordinator;
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    const auto stub = v1::AdminService::NewStub(
        grpc::CreateCustomChannel(coordinator, grpc::InsecureChannelCredentials(), arguments));
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(Clock::System().Wall() + timeout));
    return FromGrpc(ask(*stub, &context));
  });
  const int exit_code = ExitCodeOf(status.code());
  if (!status.ok()) {
    std::cerr << "paramctl: "
              << (exit_code == kExitUnreachable ? absl::StrCat("no answer from ", asked, ": ") : "")
              << status.message() << "\n";
  }
  return exit_code;
}

}  // namespace paramd
