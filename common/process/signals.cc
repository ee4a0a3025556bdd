#include "common/process/signals.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <utility>

namespace paramd {
namespace {

sigset_t EndSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

int OpenSignalFd() {
  const sigset_t signals = EndSignals();
  return signalfd(-1, &signals, SFD_CLOEXEC);
}

}  // namespace

void BlockSignals() {
  std::signal(SIGPIPE, SIG_IGN);
  const sigset_t signals = EndSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

SignalWaiter::SignalWaiter(std::function<void(const std::string&)> on_signal)
    : signal_fd_(OpenSignalFd()),
      end_fd_(eventfd(0, EFD_CLOEXEC)),
      thread_("signals", [this, on_signal = std::move(on_signal)] { Run(on_signal); }) {}

SignalWaiter::~SignalWaiter() {
  eventfd_write(end_fd_, 1);
  thread_.Join();
  close(end_fd_);
  close(signal_fd_);
}

void SignalWaiter::Run(const std::function<void(const std::string&)>& on_signal) const {
  bool seen = false;
  while (true) {
    pollfd fds[2] = {{.fd = signal_fd_, .events = POLLIN, .revents = 0},
                     {.fd = end_fd_, .events = POLLIN, .revents = 0}};
    if (poll(fds, 2, -1) < 0) continue;
    if (fds[1].revents != 0) return;
    signalfd_siginfo info;
    if (read(signal_fd_, &info, sizeof(info)) != sizeof(info)) continue;
    if (seen) _exit(128 + static_cast<int>(info.ssi_signo));
    seen = true;
    on_signal(info.ssi_signo == SIGINT ? "SIGINT" : "SIGTERM");
  }
}

}  // namespace paramd
