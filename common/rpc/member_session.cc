#include "common/rpc/member_session.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/config/duration.h"
#include "common/rpc/channel.h"
#include "common/rpc/is_refused.h"

namespace paramd {
namespace {

// Whether trying again can help.
bool IsPassing(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
      return false;
    default:
      return true;
  }
}

}  // namespace

MemberSession::MemberSession(Options options, Callbacks callbacks)
    : options_(std::move(options)),
      callbacks_(std::move(callbacks)),
      coordinators_(options_.coordinators),
      away_since_(options_.clock->SinceBoot()) {}

void MemberSession::Start() {
  thread_.emplace("member", [this] { Run(); });
}

MemberSession::~MemberSession() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  thread_.reset();
  MutexLock lock(mutex_);
  if (stream_ != nullptr) stream_->Cancel();
  while (open_streams_ > 0) changed_.Wait(mutex_);
}

void MemberSession::Send(v1::MemberMessage message) {
  // What happens now is better understood with figures of now.
  v1::MemberMessage heartbeat;
  *heartbeat.mutable_heartbeat() = callbacks_.report();
  MutexLock lock(mutex_);
  if (welcomed_) stream_->Write(std::move(heartbeat));
  message.set_number(++last_number_);
  unacknowledged_.push_back(message);
  if (welcomed_) stream_->Write(std::move(message));
}

void MemberSession::Leave(const std::string& reason, absl::Duration timeout) {
  v1::MemberMessage goodbye;
  goodbye.mutable_goodbye()->set_reason(reason);
  Send(std::move(goodbye));
  MutexLock lock(mutex_);
  stopping_ = true;
  // The coordinator answers a goodbye by ending the stream.
  const uint64_t attempt = attempt_;
  const absl::Duration deadline = options_.clock->SinceBoot() + timeout;
  while (welcomed_ && attempt_ == attempt && !ended_) {
    const absl::Duration left = deadline - options_.clock->SinceBoot();
    if (left <= absl::ZeroDuration()) return;
    changed_.WaitFor(mutex_, left);
  }
}

void MemberSession::Run() {
  mutex_.Lock();
  while (!stopping_ && !ended_) {
    const absl::Duration pause = last_attempt_ + interval_ - options_.clock->SinceBoot();
    if (stream_ == nullptr && job_ended_) break;
    if (stream_ == nullptr && pause > absl::ZeroDuration()) {
      changed_.WaitFor(mutex_, pause);
      continue;
    }
    if (stream_ == nullptr) {
      const absl::Duration limit = ever_welcomed_ ? options_.away_timeout : options_.join_timeout;
      if (options_.clock->SinceBoot() - away_since_ > limit) {
        const absl::Status status =
            absl::UnavailableError(absl::StrCat("the coordinator at ", coordinators_.current(),
                                                " is out of reach: ", last_error_.message()));
        mutex_.Unlock();
        End(status);
        return;
      }
      Connect();
    } else if (welcomed_) {
      mutex_.Unlock();
      SendHeartbeat();
      mutex_.Lock();
      if (stopping_ || ended_) break;
    }
    CheckSilence();
    if (!welcomed_ && ever_welcomed_) {
      mutex_.Unlock();
      ExtendLease();
      mutex_.Lock();
      if (stopping_ || ended_) break;
    }
    changed_.WaitFor(mutex_, interval_);
  }
  mutex_.Unlock();
}

void MemberSession::Connect() {
  const uint64_t attempt = ++attempt_;
  last_attempt_ = options_.clock->SinceBoot();
  waiting_since_ = last_attempt_;
  if (stub_ == nullptr) {
    stub_ = v1::CoordinatorService::NewStub(MakeChannel(coordinators_.current(), {}));
  }
  ++open_streams_;
  stream_ = Stream::Start(
      loop_,
      [stub = stub_.get(), wait = coordinators_.size() == 1](grpc::ClientContext* context,
                                                             grpc::CompletionQueue* queue) {
        // A call that waits has the connection polled; one that fails at once does not, so where
        // there are others to be tried meanwhile each call has a new connection.
        context->set_wait_for_ready(wait);
        return stub->PrepareAsyncJoin(context, queue);
      },
      [this, attempt](v1::CoordinatorMessage& message) { Receive(attempt, message); },
      [this, attempt](const absl::Status& status) { Closed(attempt, status); });
  v1::MemberMessage hello;
  *hello.mutable_hello() = options_.hello;
  stream_->Write(std::move(hello));
}

void MemberSession::Receive(uint64_t attempt, v1::CoordinatorMessage& message) {
  absl::Status known;
  {
    MutexLock lock(mutex_);
    if (attempt != attempt_ || stopping_ || ended_) return;
    job_ended_ |= message.has_job();
    if (message.has_welcome()) known = TakeWelcome(message.welcome());
    if ((message.has_ack() || message.has_welcome()) && waiting_since_.has_value() && known.ok()) {
      lease_end_ = absl::ToInt64Nanoseconds(*waiting_since_ + lease_);
      waiting_since_ = std::nullopt;
    }
    if (message.has_ack()) {
      TakeReceived(message.ack().received());
      return;
    }
  }
  if (!known.ok()) {
    End(known);
    return;
  }
  callbacks_.on_message(message);
}

absl::Status MemberSession::TakeWelcome(const v1::Welcome& welcome) {
  if (ever_welcomed_ && (welcome.id() != id_ || welcome.received() < acknowledged_)) {
    return absl::FailedPreconditionError(
        absl::StrCat("the coordinator at ", coordinators_.current(),
                     " does not know this process any more; start it again"));
  }
  id_ = welcome.id();
  welcomed_ = true;
  ever_welcomed_ = true;
  interval_ = ToDuration(welcome.heartbeat_interval());
  lease_ = ToDuration(welcome.lease());
  TakeReceived(welcome.received());
  for (const v1::MemberMessage& repeated : unacknowledged_) stream_->Write(repeated);
  changed_.NotifyAll();
  return absl::OkStatus();
}

void MemberSession::TakeReceived(uint64_t received) {
  acknowledged_ = received;
  while (!unacknowledged_.empty() && unacknowledged_.front().number() <= received) {
    unacknowledged_.pop_front();
  }
}

void MemberSession::Closed(uint64_t attempt, const absl::Status& status) {
  bool over = false;
  std::string address;
  {
    MutexLock lock(mutex_);
    if (attempt == attempt_) {
      if (welcomed_) {
        away_since_ = options_.clock->SinceBoot();
        if (!stopping_) spdlog::warn("the coordinator's stream ended: {}", status.ToString());
      }
      ++attempt_;
      stream_ = nullptr;
      welcomed_ = false;
      last_error_ = status;
      over = !stopping_ && !ended_ && !IsPassing(status);
      address = coordinators_.current();
      LookElsewhere(status);
    }
  }
  if (over) {
    End(absl::Status(status.code(),
                     absl::StrCat("the coordinator at ", address, " refused: ", status.message())));
  }
  MutexLock lock(mutex_);
  --open_streams_;
  changed_.NotifyAll();
}

void MemberSession::LookElsewhere(const absl::Status& status) {
  // It has sent us away because it does not lead, and will know who does.
  if (ever_welcomed_ && IsStandingBy(status)) away_since_ = options_.clock->SinceBoot();
  if (!coordinators_.Next(status) && coordinators_.size() == 1) return;
  stub_ = nullptr;
}

void MemberSession::SendHeartbeat() {
  v1::MemberMessage heartbeat;
  *heartbeat.mutable_heartbeat() = callbacks_.report();
  MutexLock lock(mutex_);
  if (!welcomed_) return;
  if (!waiting_since_.has_value()) waiting_since_ = options_.clock->SinceBoot();
  stream_->Write(std::move(heartbeat));
}

bool MemberSession::HasLease() const {
  return absl::ToInt64Nanoseconds(options_.clock->SinceBoot()) < lease_end_;
}

void MemberSession::ExtendLease() {
  const absl::Duration now = options_.clock->SinceBoot();
  absl::Duration lease, interval;
  {
    MutexLock lock(mutex_);
    lease = lease_;
    interval = interval_;
  }
  for (const std::string& address : options_.coordinators.list()) {
    if (!IsRefused(address, interval)) return;
  }
  const int64_t end = absl::ToInt64Nanoseconds(now + lease);
  // Only here and by an answer of the coordinator, which there is none of now.
  if (lease_end_ < end) lease_end_ = end;
}

void MemberSession::CheckSilence() {
  if (stream_ == nullptr || !waiting_since_.has_value()) return;
  if (options_.clock->SinceBoot() - *waiting_since_ <= lease_ / 2) return;
  // A connection that died without a word would outlive the lease; another one may work.
  stream_->Cancel();
  stub_ = nullptr;
  waiting_since_ = std::nullopt;
}

void MemberSession::End(absl::Status status) {
  {
    MutexLock lock(mutex_);
    if (ended_ || stopping_) return;
    ended_ = true;
    changed_.NotifyAll();
  }
  callbacks_.on_ended(std::move(status));
}

}  // namespace paramd
