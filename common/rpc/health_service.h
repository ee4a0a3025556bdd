#pragma once

#include <set>
#include <string>

#include "grpc/health/v1/health.grpc.pb.h"

namespace paramd {

// grpc.health.v1.Health for a server that serves from its start to its end. Immutable, hence
// thread-safe. (gRPC's own runs on the callback API, whose threads would take part in polling the
// server's connections.)
class HealthService final : public grpc::health::v1::Health::Service {
 public:
  // `services`: full names of the services of the server.
  explicit HealthService(std::set<std::string> services) : services_(std::move(services)) {}

  grpc::Status Check(grpc::ServerContext* /*context*/,
                     const grpc::health::v1::HealthCheckRequest* request,
                     grpc::health::v1::HealthCheckResponse* response) override {
    if (!request->service().empty() && services_.count(request->service()) == 0) {
      return grpc::Status(grpc::StatusCode::NOT_FOUND,
                          "there is no service " + request->service() + " here");
    }
    response->set_status(grpc::health::v1::HealthCheckResponse::SERVING);
    return grpc::Status::OK;
  }

 private:
  const std::set<std::string> services_;
};

}  // namespace paramd
