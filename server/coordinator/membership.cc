#include "server/coordinator/membership.h"

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace paramd {
namespace {

const char* RoleName(v1::Role role) { return role == v1::WORKER ? "worker" : "server"; }

absl::Status CheckHello(const v1::Hello& hello) {
  if (hello.role() != v1::WORKER && hello.role() != v1::SHARD_HOST) {
    return absl::InvalidArgumentError("hello: role is neither SHARD_HOST nor WORKER");
  }
  if (hello.name().empty() || hello.name().size() > 128) {
    return absl::InvalidArgumentError("hello: a name has 1 to 128 characters");
  }
  if (hello.role() == v1::SHARD_HOST && hello.address().empty()) {
    return absl::InvalidArgumentError("hello: a shard host says its address");
  }
  return absl::OkStatus();
}

}  // namespace

std::string Member::Describe() const {
  return absl::StrCat(RoleName(record.role()), " ", record.name(),
                      record.address().empty() ? "" : absl::StrCat(" (", record.address(), ")"));
}

absl::StatusOr<Membership::Joined> Membership::Join(const v1::Hello& hello, ConnectionId connection,
                                                    size_t limit, absl::Duration now) {
  RETURN_IF_ERROR(CheckHello(hello));
  Member* replaced = nullptr;
  for (Member& member : members_) {
    if (member.record.role() != hello.role() || member.record.name() != hello.name()) continue;
    if (member.record.incarnation() == hello.incarnation()) {
      if (!member.live()) {
        return absl::FailedPreconditionError(
            absl::StrCat("the lease of ", member.Describe(), " is over; start it again"));
      }
      const ConnectionId old = member.connection;
      member.connection = connection;
      member.state = v1::MemberStatus::ALIVE;
      member.last_heard = now;
      return Joined{.member = &member, .is_new = false, .old_connection = old};
    }
    if (member.state == v1::MemberStatus::ALIVE) {
      return absl::AlreadyExistsError(
          absl::StrCat("there is a live ", member.Describe(), "; give this one another --name"));
    }
    // Its process is gone and this is its successor: no need to wait for the end of the lease.
    if (member.live()) replaced = &member;
  }
  if (Live(hello.role()).size() - (replaced != nullptr) >= limit) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "the cluster has its ", limit, " ", RoleName(hello.role()), limit == 1 ? "" : "s"));
  }
  if (replaced != nullptr) replaced->state = v1::MemberStatus::LOST;
  Member& member = members_.emplace_back();
  member.record.set_role(hello.role());
  member.record.set_id(hello.role() == v1::WORKER ? ++worker_ids : ++server_ids);
  member.record.set_name(hello.name());
  member.record.set_incarnation(hello.incarnation());
  member.record.set_address(hello.address());
  member.record.set_host(hello.host());
  member.record.set_pid(hello.pid());
  member.record.set_zone(hello.zone());
  member.connection = connection;
  member.last_heard = now;
  return Joined{.member = &member, .is_new = true, .replaced = replaced};
}

void Membership::Restore(const v1::MemberRecord& record, absl::Duration now) {
  Member& member = members_.emplace_back();
  member.record = record;
  member.state = v1::MemberStatus::DISCONNECTED;
  // Two leases, because members need to find the new coordinator first.
  member.last_heard = now + lease_;
}

Member* Membership::Find(ConnectionId connection) {
  if (connection == 0) return nullptr;
  for (Member& member : members_) {
    if (member.connection == connection) return &member;
  }
  return nullptr;
}

std::vector<Member*> Membership::Expire(absl::Duration now) {
  std::vector<Member*> expired;
  for (Member& member : members_) {
    if (!member.live() || now - member.last_heard <= lease_) continue;
    member.state = v1::MemberStatus::LOST;
    expired.push_back(&member);
  }
  return expired;
}

std::vector<Member*> Membership::Live(v1::Role role) {
  std::vector<Member*> live;
  for (Member& member : members_) {
    if (member.record.role() == role && member.live()) live.push_back(&member);
  }
  return live;
}

}  // namespace paramd
