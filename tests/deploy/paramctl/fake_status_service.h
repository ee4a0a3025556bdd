#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"
#include "paramd/v1/status.grpc.pb.h"

namespace paramd {

// Answers GetClusterStatus on a free port of the loopback with what a test gave: each answer once,
// the last again and again. Thread-safe.
class FakeStatusService final : public v1::StatusService::Service {
 public:
  explicit FakeStatusService(std::vector<v1::ClusterStatus> answers)
      : answers_(std::move(answers)) {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    address_ = absl::StrCat("127.0.0.1:", port);
  }
  ~FakeStatusService() override { server_->Shutdown(); }

  const std::string& address() const { return address_; }

  void Set(v1::ClusterStatus answer) {
    MutexLock lock(mutex_);
    answers_ = {std::move(answer)};
  }

  grpc::Status GetClusterStatus(grpc::ServerContext*, const v1::GetClusterStatusRequest*,
                                v1::ClusterStatus* status) override {
    MutexLock lock(mutex_);
    if (answers_.empty()) return grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "");
    *status = answers_.front();
    if (answers_.size() > 1) answers_.erase(answers_.begin());
    return grpc::Status::OK;
  }

 private:
  Mutex mutex_;
  std::vector<v1::ClusterStatus> answers_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

}  // namespace paramd
