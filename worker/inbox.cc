#include "worker/inbox.h"

#include <algorithm>
#include <utility>

namespace paramd {

void Inbox::Deliver(const v1::CoordinatorMessage& message) {
  switch (message.message_case()) {
    case v1::CoordinatorMessage::kJob:
      End(message.job());
      return;
    case v1::CoordinatorMessage::kWelcome: {
      MutexLock lock(mutex_);
      welcome_ = message.welcome();
      changed_.NotifyAll();
      return;
    }
    case v1::CoordinatorMessage::kView: {
      MutexLock lock(mutex_);
      if (message.view().version() > view_.version()) view_ = message.view();
      return;
    }
    case v1::CoordinatorMessage::kWorkGrant: {
      MutexLock lock(mutex_);
      if (message.work_grant().lease() <= last_lease_) return;
      last_lease_ = message.work_grant().lease();
      grants_.push_back(message.work_grant());
      changed_.NotifyAll();
      return;
    }
    case v1::CoordinatorMessage::kNoWork: {
      MutexLock lock(mutex_);
      no_work_ = std::max(no_work_, message.no_work().request());
      changed_.NotifyAll();
      return;
    }
    case v1::CoordinatorMessage::kStart: {
      MutexLock lock(mutex_);
      start_ = true;
      changed_.NotifyAll();
      return;
    }
    case v1::CoordinatorMessage::kStopTraining: {
      MutexLock lock(mutex_);
      training_stopped_ = true;
      return;
    }
    case v1::CoordinatorMessage::kRevokeLease: {
      MutexLock lock(mutex_);
      revoked_.insert(message.revoke_lease().lease());
      return;
    }
    default:
      return;
  }
}

void Inbox::End(v1::JobUpdate how) {
  MutexLock lock(mutex_);
  if (!end_.has_value()) end_ = std::move(how);
  changed_.NotifyAll();
}

std::optional<v1::Welcome> Inbox::WaitForWelcome() {
  MutexLock lock(mutex_);
  while (!welcome_.has_value() && !end_.has_value()) changed_.Wait(mutex_);
  return welcome_;
}

std::optional<v1::WorkGrant> Inbox::WaitForGrant() {
  MutexLock lock(mutex_);
  while (grants_.empty() && !end_.has_value()) changed_.Wait(mutex_);
  return TakeGrant();
}

std::optional<v1::WorkGrant> Inbox::WaitForAnswer() {
  MutexLock lock(mutex_);
  while (grants_.empty() && no_work_ < request_ && !end_.has_value()) changed_.Wait(mutex_);
  return TakeGrant();
}

bool Inbox::WaitForStart() {
  MutexLock lock(mutex_);
  while (!start_ && !end_.has_value()) changed_.Wait(mutex_);
  return !end_.has_value();
}

bool Inbox::training_stopped() {
  MutexLock lock(mutex_);
  return training_stopped_;
}

bool Inbox::IsRevoked(uint64_t lease) {
  MutexLock lock(mutex_);
  return revoked_.contains(lease);
}

void Inbox::ExpectStart() {
  MutexLock lock(mutex_);
  start_ = false;
}

void Inbox::ExpectAnswer(uint64_t request) {
  MutexLock lock(mutex_);
  request_ = request;
}

v1::JobUpdate Inbox::WaitForEnd() {
  MutexLock lock(mutex_);
  while (!end_.has_value()) changed_.Wait(mutex_);
  return *end_;
}

std::optional<v1::WorkGrant> Inbox::TakeGrant() {
  if (grants_.empty() || end_.has_value()) return std::nullopt;
  v1::WorkGrant grant = std::move(grants_.front());
  grants_.pop_front();
  return grant;
}

v1::ClusterView Inbox::view() {
  MutexLock lock(mutex_);
  return view_;
}

std::optional<v1::JobUpdate> Inbox::end() {
  MutexLock lock(mutex_);
  return end_;
}

}  // namespace paramd
