#include "deploy/paramctl/status_client.h"

#include <grpcpp/grpcpp.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/clock.h"

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

StatusClient::StatusClient(std::string address)
    : address_(std::move(address)), stub_(MakeStub(address_)) {}

absl::StatusOr<v1::ClusterStatus> StatusClient::Get(absl::Duration timeout) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(Clock::System().Wall() + timeout));
  v1::ClusterStatus status;
  const grpc::Status result = stub_->GetClusterStatus(&context, {}, &status);
  if (result.ok()) return status;
  const auto code = static_cast<absl::StatusCode>(result.error_code());
  if (code == absl::StatusCode::kUnimplemented) {
    return absl::UnimplementedError(absl::StrCat(address_, " is not a coordinator"));
  }
  return absl::Status(code, absl::StrCat(address_, ": ", result.error_message()));
}

}  // namespace paramd
