#include "server/coordinator/etcd_client.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/clock.h"
#include "common/base/status_macros.h"
#include "common/rpc/channel.h"
#include "common/rpc/status.h"

namespace paramd {
namespace {

// Whether etcd has looked at the request and will not do it. Codes for which that is not certain
// are not listed.
bool IsRefusal(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::NOT_FOUND:
    case grpc::StatusCode::FAILED_PRECONDITION:
    case grpc::StatusCode::OUT_OF_RANGE:
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
    case grpc::StatusCode::PERMISSION_DENIED:
    case grpc::StatusCode::UNAUTHENTICATED:
    case grpc::StatusCode::UNIMPLEMENTED:
      return true;
    default:
      return false;
  }
}

}  // namespace

struct EtcdClient::Connection {
  explicit Connection(const std::string& endpoint)
      : endpoint(endpoint),
        channel(MakeChannel(endpoint, {})),
        kv(etcdserverpb::KV::NewStub(channel)),
        lease(etcdserverpb::Lease::NewStub(channel)) {}

  const std::string endpoint;
  const std::shared_ptr<grpc::Channel> channel;
  const std::unique_ptr<etcdserverpb::KV::Stub> kv;
  const std::unique_ptr<etcdserverpb::Lease::Stub> lease;
};

EtcdClient::EtcdClient(std::vector<std::string> endpoints, absl::Duration timeout)
    : endpoints_(std::move(endpoints)), timeout_(timeout) {}

std::shared_ptr<EtcdClient::Connection> EtcdClient::Current() {
  MutexLock lock(mutex_);
  if (connection_ == nullptr) {
    connection_ = std::make_shared<Connection>(endpoints_[endpoint_ % endpoints_.size()]);
  }
  return connection_;
}

void EtcdClient::Leave(const std::shared_ptr<Connection>& connection) {
  MutexLock lock(mutex_);
  if (connection_ != connection) return;
  connection_ = nullptr;
  ++endpoint_;
}

absl::Status EtcdClient::Try(const Call& call) {
  std::vector<std::string> problems;
  // Once more than there are endpoints: the first connection may be one that etcd's end broke.
  for (size_t attempt = 0; attempt <= endpoints_.size(); ++attempt) {
    const std::shared_ptr<Connection> connection = Current();
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(Clock::System().Wall() + timeout_));
    const grpc::Status status = call(*connection, &context);
    if (status.ok()) return absl::OkStatus();
    const std::string problem =
        absl::StrCat("etcd at ", connection->endpoint, ": ", status.error_message());
    if (IsRefusal(status.error_code())) return absl::Status(FromGrpc(status).code(), problem);
    Leave(connection);
    problems.push_back(problem);
    const bool silent = status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED;
    if (attempt + 1 == endpoints_.size() && silent) break;
  }
  return absl::UnavailableError(absl::StrJoin(problems, "; "));
}

absl::StatusOr<etcdserverpb::RangeResponse> EtcdClient::Range(
    const etcdserverpb::RangeRequest& request) {
  etcdserverpb::RangeResponse response;
  RETURN_IF_ERROR(Try([&](Connection& connection, grpc::ClientContext* context) {
    return connection.kv->Range(context, request, &response);
  }));
  return response;
}

absl::StatusOr<etcdserverpb::TxnResponse> EtcdClient::Txn(const etcdserverpb::TxnRequest& request) {
  etcdserverpb::TxnResponse response;
  RETURN_IF_ERROR(Try([&](Connection& connection, grpc::ClientContext* context) {
    return connection.kv->Txn(context, request, &response);
  }));
  return response;
}

absl::StatusOr<EtcdClient::Lease> EtcdClient::GrantLease(absl::Duration time_to_live) {
  etcdserverpb::LeaseGrantRequest request;
  request.set_ttl(absl::ToInt64Seconds(absl::Ceil(time_to_live, absl::Seconds(1))));
  etcdserverpb::LeaseGrantResponse response;
  RETURN_IF_ERROR(Try([&](Connection& connection, grpc::ClientContext* context) {
    return connection.lease->LeaseGrant(context, request, &response);
  }));
  return Lease{.id = response.id(), .time_to_live = absl::Seconds(response.ttl())};
}

absl::StatusOr<EtcdClient::Lease> EtcdClient::KeepLease(int64_t id) {
  etcdserverpb::LeaseKeepAliveRequest request;
  request.set_id(id);
  etcdserverpb::LeaseKeepAliveResponse response;
  RETURN_IF_ERROR(Try([&](Connection& connection, grpc::ClientContext* context) {
    const auto stream = connection.lease->LeaseKeepAlive(context);
    const bool answered = stream->Write(request) && stream->WritesDone() && stream->Read(&response);
    const grpc::Status status = stream->Finish();
    return answered || !status.ok()
               ? status
               : grpc::Status(grpc::StatusCode::UNAVAILABLE, "ended without an answer");
  }));
  return Lease{.id = id, .time_to_live = absl::Seconds(response.ttl())};
}

absl::Status EtcdClient::RevokeLease(int64_t id) {
  etcdserverpb::LeaseRevokeRequest request;
  request.set_id(id);
  etcdserverpb::LeaseRevokeResponse response;
  return Try([&](Connection& connection, grpc::ClientContext* context) {
    return connection.lease->LeaseRevoke(context, request, &response);
  });
}

}  // namespace paramd
