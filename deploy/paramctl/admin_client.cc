#include "deploy/paramctl/admin_client.h"

#include <iostream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/base/exit_code.h"
#include "common/rpc/status.h"

namespace paramd {
absl::Status AskAdmin(
    CoordinatorAddresses& coordinators,
    const std::function<grpc::Status(v1::AdminService::Stub&, grpc::ClientContext*)>& call,
    absl::Duration timeout) {
  std::string asked;
  const absl::Status status = AskLeader(coordinators, [&](const std::string& coordinator) {
    asked = coordinator;
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    const auto stub = v1::AdminService::NewStub(
        grpc::CreateCustomChannel(coordinator, grpc::InsecureChannelCredentials(), arguments));
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(Clock::System().Wall() + timeout));
    return FromGrpc(call(*stub, &context));
  });
  if (!absl::IsUnavailable(status) && !absl::IsDeadlineExceeded(status) &&
      !absl::IsUnimplemented(status)) {
    return status;
  }
  return absl::Status(status.code(),
                      absl::StrCat("no answer from ", asked, ": ", status.message()));
}

int ExitCodeOfAdmin(const absl::Status& status) {
  if (status.ok()) return kExitDone;
  std::cerr << "paramctl: " << status.message() << "\n";
  switch (status.code()) {
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

}  // namespace paramd
