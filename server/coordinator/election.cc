#include "server/coordinator/election.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace paramd {

Election::Election(std::shared_ptr<EtcdClient> client, Options options)
    : client_(std::move(client)),
      options_(std::move(options)),
      thread_("election", [this] { Run(); }) {}

Election::~Election() {
  Stop();
  thread_.Join();
  if (lease_id_ == 0) return;
  // Otherwise it ends by itself.
  const absl::Status revoked = client_->RevokeLease(lease_id_);
  if (!revoked.ok()) spdlog::warn("leadership is not given up: {}", revoked.ToString());
}

void Election::Stop() {
  MutexLock lock(mutex_);
  stopping_ = true;
  changed_.NotifyAll();
}

std::optional<uint64_t> Election::WaitUntilElected() {
  MutexLock lock(mutex_);
  while (term_ == 0 && !stopping_) changed_.Wait(mutex_);
  if (stopping_) return std::nullopt;
  return term_;
}

absl::Status Election::Check(uint64_t term) {
  MutexLock lock(mutex_);
  if (term_ != term) return absl::AbortedError("the leader's key in etcd was lost");
  if (options_.clock->SinceBoot() < held_until_) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("the lease in etcd was not renewed", problem_.empty() ? "" : ": ", problem_));
}

uint64_t Election::first_revision() {
  MutexLock lock(mutex_);
  return first_revision_;
}

std::string Election::leader() {
  MutexLock lock(mutex_);
  return leader_;
}

std::string Election::problem() {
  MutexLock lock(mutex_);
  return problem_;
}

void Election::Run() {
  const absl::Duration pause =
      std::clamp(options_.lease / 4, absl::Milliseconds(50), absl::Seconds(1));
  while (true) {
    const absl::Status status = Step();
    MutexLock lock(mutex_);
    if (!status.ok() && problem_.empty()) spdlog::warn("election: {}", status.ToString());
    problem_ = std::string(status.message());
    // Who leads may have changed meanwhile.
    if (!status.ok() && term_ == 0) leader_.clear();
    if (!stopping_) changed_.WaitFor(mutex_, pause);
    if (stopping_) return;
  }
}

absl::Status Election::Step() {
  if (lease_id_ != 0) RETURN_IF_ERROR(Renew());
  return Look();
}

absl::Status Election::Renew() {
  const absl::Duration sent = options_.clock->SinceBoot();
  ASSIGN_OR_RETURN(const EtcdClient::Lease lease, client_->KeepLease(lease_id_));
  if (lease.time_to_live > absl::ZeroDuration()) {
    lease_until_ = sent + lease.time_to_live;
  } else {
    lease_id_ = 0;
    Lose();
  }
  return absl::OkStatus();
}

absl::Status Election::Look() {
  etcdserverpb::RangeRequest request;
  request.set_key(options_.key);
  ASSIGN_OR_RETURN(const etcdserverpb::RangeResponse found, client_->Range(request));
  {
    MutexLock lock(mutex_);
    if (first_revision_ == 0) first_revision_ = static_cast<uint64_t>(found.header().revision());
  }
  if (found.kvs().empty()) return Take();
  SetHolder(found.kvs(0).value(), found.kvs(0).lease());
  return absl::OkStatus();
}

absl::Status Election::Take() {
  Lose();
  {
    MutexLock lock(mutex_);
    leader_.clear();
  }
  if (lease_id_ == 0) {
    const absl::Duration sent = options_.clock->SinceBoot();
    ASSIGN_OR_RETURN(const EtcdClient::Lease lease, client_->GrantLease(options_.lease));
    lease_id_ = lease.id;
    lease_until_ = sent + lease.time_to_live;
  }
  etcdserverpb::TxnRequest request;
  etcdserverpb::Compare& compare = *request.add_compare();
  compare.set_key(options_.key);
  compare.set_target(etcdserverpb::Compare::CREATE);  // of a key that is not there: 0
  compare.set_result(etcdserverpb::Compare::EQUAL);
  compare.set_create_revision(0);
  etcdserverpb::PutRequest& put = *request.add_success()->mutable_request_put();
  put.set_key(options_.key);
  put.set_value(options_.address);
  put.set_lease(lease_id_);
  request.add_failure()->mutable_request_range()->set_key(options_.key);
  // When the answer is lost, the next look finds out.
  ASSIGN_OR_RETURN(const etcdserverpb::TxnResponse response, client_->Txn(request));
  if (response.succeeded()) {
    SetHolder(options_.address, lease_id_);
  } else if (const auto& found = response.responses(0).response_range(); !found.kvs().empty()) {
    SetHolder(found.kvs(0).value(), found.kvs(0).lease());
  }
  return absl::OkStatus();
}

void Election::SetHolder(const std::string& address, int64_t lease) {
  const bool held = lease_id_ != 0 && lease == lease_id_;
  if (!held) Lose();
  MutexLock lock(mutex_);
  if (leader_ != address) spdlog::info("the coordinator at {} leads", address);
  leader_ = address;
  if (!held) return;
  if (term_ == 0) term_ = ++terms_;
  held_until_ = lease_until_;
  changed_.NotifyAll();
}

void Election::Lose() {
  MutexLock lock(mutex_);
  if (term_ == 0) return;
  spdlog::warn("the leader's key in etcd was lost");
  term_ = 0;
  leader_.clear();
}

}  // namespace paramd
