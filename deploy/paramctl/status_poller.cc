#include "deploy/paramctl/status_poller.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>

namespace paramd {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(2);

}  // namespace

StatusPoller::StatusPoller(const std::string& address, absl::Duration interval)
    : client_(CoordinatorAddresses(address)),
      interval_(interval),
      fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      thread_("status", [this] { Poll(); }) {}

StatusPoller::~StatusPoller() {
  stop_.Notify();
  thread_.Join();
  close(fd_);
}

std::optional<v1::ClusterStatus> StatusPoller::Take() {
  MutexLock lock(mutex_);
  eventfd_t ignored;
  eventfd_read(fd_, &ignored);
  return std::exchange(latest_, std::nullopt);
}

void StatusPoller::Poll() {
  do {
    absl::StatusOr<v1::ClusterStatus> status = client_.Get(kTimeout);
    if (!status.ok()) continue;
    MutexLock lock(mutex_);
    latest_ = *std::move(status);
    eventfd_write(fd_, 1);
  } while (!stop_.WaitFor(interval_));
}

}  // namespace paramd
