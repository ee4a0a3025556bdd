#include "common/rpc/daemon_server.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>

#include <catch2/catch.hpp>

#include "common/base/mutex.h"
#include "common/rpc/channel.h"
#include "grpc/health/v1/health.grpc.pb.h"

namespace paramd {
namespace {

std::unique_ptr<DaemonServer> StartDaemon(bool coordinator) {
  DaemonServer::Options options{.listen = "127.0.0.1:0", .daemon_status = [] {
                                  v1::DaemonStatus status;
                                  status.set_name("me");
                                  return status;
                                }};
  if (coordinator) {
    options.cluster_status = [] {
      v1::ClusterStatus status;
      status.set_cluster("c");
      return status;
    };
  }
  return *DaemonServer::Start(std::move(options));
}

// Calls a unary method by name with raw bytes, as a stock client does.
absl::StatusOr<std::string> Call(const std::string& address, const std::string& method,
                                 const std::string& request) {
  grpc::GenericStub stub(MakeChannel(address, {}));
  grpc::ClientContext context;
  grpc::Slice slice(request);
  grpc::ByteBuffer out(&slice, 1), in;
  Notification done;
  grpc::Status status;
  stub.UnaryCall(&context, method, {}, &out, &in, [&](grpc::Status s) {
    status = std::move(s);
    done.Notify();
  });
  done.Wait();
  if (!status.ok())
    return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  std::vector<grpc::Slice> slices;
  (void)in.Dump(&slices);
  std::string bytes;
  for (const grpc::Slice& part : slices)
    bytes.append(reinterpret_cast<const char*>(part.begin()), part.size());
  return bytes;
}

TEST_CASE("a daemon answers for itself, only the coordinator for the cluster") {
  for (const bool coordinator : {false, true}) {
    const auto daemon = StartDaemon(coordinator);
    const auto stub = v1::StatusService::NewStub(MakeChannel(daemon->address(), {}));
    v1::DaemonStatus status;
    grpc::ClientContext context;
    REQUIRE(stub->GetDaemonStatus(&context, {}, &status).ok());
    CHECK(status.name() == "me");
    CHECK(status.resident_bytes() > 1 << 20);
    CHECK(status.uptime_seconds() >= 0);
    v1::ClusterStatus cluster;
    grpc::ClientContext cluster_context;
    const grpc::Status answer = stub->GetClusterStatus(&cluster_context, {}, &cluster);
    CHECK(answer.error_code() ==
          (coordinator ? grpc::StatusCode::OK : grpc::StatusCode::UNIMPLEMENTED));
  }
}

TEST_CASE("standard health checking says SERVING") {
  const auto daemon = StartDaemon(false);
  // grpc.health.v1.HealthCheckResponse{status: SERVING}: field 1, varint 1.
  CHECK(*Call(daemon->address(), "/grpc.health.v1.Health/Check", "") == std::string("\x08\x01"));
}

TEST_CASE("health is told of the server and of each of its services") {
  const auto daemon = StartDaemon(false);
  const auto stub = grpc::health::v1::Health::NewStub(MakeChannel(daemon->address(), {}));
  const auto check = [&](const std::string& service) {
    grpc::health::v1::HealthCheckRequest request;
    request.set_service(service);
    grpc::health::v1::HealthCheckResponse response;
    grpc::ClientContext context;
    const grpc::Status status = stub->Check(&context, request, &response);
    return status.ok()
               ? grpc::health::v1::HealthCheckResponse::ServingStatus_Name(response.status())
               : status.error_message();
  };
  CHECK(check("") == "SERVING");
  CHECK(check("paramd.v1.StatusService") == "SERVING");
  // This daemon has none.
  CHECK(check("paramd.v1.ParameterService") ==
        "there is no service paramd.v1.ParameterService here");
}

TEST_CASE("reflection is served") {
  const auto daemon = StartDaemon(false);
  // A stream method called without a request: it exists, and has nothing to say.
  const absl::Status status =
      Call(daemon->address(), "/grpc.reflection.v1alpha.ServerReflection/NoSuchMethod", "")
          .status();
  CHECK(status.code() == absl::StatusCode::kUnimplemented);
  grpc::GenericStub stub(MakeChannel(daemon->address(), {}));
  // ServerReflectionRequest{list_services: "*"}: field 7, length 1.
  const auto answer =
      Call(daemon->address(), "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
           std::string("\x3a\x01*"));
  REQUIRE(answer.ok());
  CHECK(answer->find("paramd.v1.StatusService") != std::string::npos);
}

TEST_CASE("an address that is taken is named") {
  const auto daemon = StartDaemon(false);
  const absl::Status second =
      DaemonServer::Start(
          {.listen = daemon->address(), .daemon_status = [] { return v1::DaemonStatus(); }})
          .status();
  CHECK(second.code() == absl::StatusCode::kUnavailable);
  CHECK(std::string(second.message()).find(daemon->address()) != std::string::npos);
}

}  // namespace
}  // namespace paramd
