#include "deploy/paramctl/status_client.h"

#include <grpcpp/grpcpp.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/clock.h"
#include "common/rpc/status.h"

namespace paramd {
namespace {

constexpr int kMaxReconnectMilliseconds = 1000;
constexpr int kMaxStatusBytes = 64 << 20;

std::unique_ptr<v1::StatusService::Stub> MakeStub(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kMaxReconnectMilliseconds);
  arguments.SetMaxReceiveMessageSize(kMaxStatusBytes);
  return v1::StatusService::NewStub(
      grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments));
}

}  // namespace

StatusClient::StatusClient(CoordinatorAddresses coordinators)
    : coordinators_(std::move(coordinators)) {}

absl::StatusOr<v1::ClusterStatus> StatusClient::Get(absl::Duration timeout) {
  v1::ClusterStatus status;
  const absl::Status asked = AskLeader(coordinators_, [&](const std::string& address) {
    if (address != address_) {
      address_ = address;
      stub_ = MakeStub(address);
    }
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(Clock::System().Wall() + timeout));
    return FromGrpc(stub_->GetClusterStatus(&context, {}, &status));
  });
  if (asked.ok()) return status;
  if (absl::IsUnimplemented(asked)) {
    return absl::UnimplementedError(absl::StrCat(address_, " is not a coordinator"));
  }
  return absl::Status(asked.code(), absl::StrCat(address_, ": ", asked.message()));
}

}  // namespace paramd
