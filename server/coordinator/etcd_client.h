#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "etcd/etcdserver/etcdserverpb/rpc.grpc.pb.h"

namespace paramd {

// Calls etcd 3.4 (or later). An endpoint that does not answer in time gives way to the next one,
// each is tried once, and one that breaks a connection a second time.
// Every call may come back as UNAVAILABLE: nobody answered, and what was asked for may or may not
// have been done, or may be done later. Other errors are etcd's refusal; nothing was done.
// Thread-safe; calls block.
class EtcdClient {
 public:
  // `endpoints`: host:port, at least one. `timeout`: of one attempt.
  EtcdClient(std::vector<std::string> endpoints, absl::Duration timeout);

  // Linearizable, unless the request says otherwise.
  absl::StatusOr<etcdserverpb::RangeResponse> Range(const etcdserverpb::RangeRequest& request);
  absl::StatusOr<etcdserverpb::TxnResponse> Txn(const etcdserverpb::TxnRequest& request);

  struct Lease {
    int64_t id = 0;
    // From when the request was sent; zero: there is no such lease any more.
    absl::Duration time_to_live;
  };
  // etcd counts leases in whole seconds, and gives at least what its election timeout asks for.
  absl::StatusOr<Lease> GrantLease(absl::Duration time_to_live);
  absl::StatusOr<Lease> KeepLease(int64_t id);
  // Deletes the keys that the lease keeps.
  absl::Status RevokeLease(int64_t id);

 private:
  struct Connection;
  using Call = std::function<grpc::Status(Connection&, grpc::ClientContext*)>;

  absl::Status Try(const Call& call);
  std::shared_ptr<Connection> Current();
  // The next endpoint, on a new connection, unless somebody has left `connection` already.
  void Leave(const std::shared_ptr<Connection>& connection);

  const std::vector<std::string> endpoints_;
  const absl::Duration timeout_;

  Mutex mutex_;
  size_t endpoint_ ABSL_GUARDED_BY(mutex_) = 0;
  // Shared with the calls under way; null: to be made.
  std::shared_ptr<Connection> connection_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace paramd
