#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "paramd/v1/coordinator.pb.h"
#include "paramd/v1/status.pb.h"

namespace paramd {

// One stream of a member; 0: none.
using ConnectionId = uint64_t;

// A process that has joined the cluster.
struct Member {
  v1::MemberRecord record;
  v1::MemberStatus::State state = v1::MemberStatus::ALIVE;
  ConnectionId connection = 0;
  absl::Duration last_heard;
  // Shard hosts: version of the view that is in force there.
  uint64_t applied_version = 0;
  // Workers: version of the first view that names it; it gets work when every shard host applied
  // that.
  uint64_t admit_version = 0;
  // Workers: records of the partitions it has completed.
  uint64_t completed_records = 0;
  v1::WorkerReport worker_report;
  v1::ServerReport server_report;
  // Whether a report came since this coordinator knows it.
  bool has_reported = false;

  // Lease not over, whether its stream is there or not.
  bool live() const {
    return state == v1::MemberStatus::ALIVE || state == v1::MemberStatus::DISCONNECTED;
  }
  // "worker worker-1 (127.0.0.1:4711)".
  std::string Describe() const;
};

// Who belongs to the cluster: leases by heartbeat. Pure: time comes in as an argument (any
// monotonic origin). Members are never forgotten, so references stay valid. Not thread-safe.
class Membership {
 public:
  explicit Membership(absl::Duration lease) : lease_(lease) {}

  struct Joined {
    Member* member;
    bool is_new;
    // The member of the same name that the new one takes the place of, or the connection it had
    // before.
    Member* replaced = nullptr;
    ConnectionId old_connection = 0;
  };
  // `limit`: how many live members of this role there may be. Errors as CoordinatorService.Join
  // says; nothing is changed then.
  absl::StatusOr<Joined> Join(const v1::Hello& hello, ConnectionId connection, size_t limit,
                              absl::Duration now);

  // A member that an earlier run of the coordinator knew; its lease begins now.
  void Restore(const v1::MemberRecord& record, absl::Duration now);

  // The member behind a connection, or null.
  Member* Find(ConnectionId connection);

  // The live members whose lease is over now become LOST and are returned.
  std::vector<Member*> Expire(absl::Duration now);

  std::vector<Member*> Live(v1::Role role);
  const std::deque<Member>& members() const { return members_; }
  std::deque<Member>& members() { return members_; }
  absl::Duration lease() const { return lease_; }

  // Ids given so far.
  uint32_t server_ids = 0;
  uint32_t worker_ids = 0;

 private:
  const absl::Duration lease_;
  std::deque<Member> members_;
};

}  // namespace paramd
