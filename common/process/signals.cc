#include "common/process/signals.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <utility>

namespace paramd {
namespace {

// Where the handler writes; handlers can only reach globals.
std::atomic<int> write_fd{-1};

constexpr int kTaken[] = {SIGINT, SIGTERM, SIGCHLD};

void Handle(int signal) {
  const int saved = errno;
  const auto byte = static_cast<char>(signal);
  (void)!write(write_fd.load(std::memory_order_relaxed), &byte, 1);
  errno = saved;
}

void SetHandlers(void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  for (const int signal : kTaken) sigaction(signal, &action, nullptr);
}

}  // namespace

Signals::Signals() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  // A full pipe drops signals, but then there are plenty to read.
  if (pipe2(fds_, O_CLOEXEC | O_NONBLOCK) != 0) fds_[0] = fds_[1] = -1;
  write_fd.store(fds_[1]);
  SetHandlers(Handle);
}

Signals::~Signals() {
  SetHandlers(SIG_DFL);
  write_fd.store(-1);
  close(fds_[0]);
  close(fds_[1]);
}

int Signals::Take() {
  int stop = 0;
  char byte;
  while (read(fds_[0], &byte, 1) == 1) {
    if (byte != SIGCHLD) stop = byte;
  }
  return stop;
}

int Signals::WaitFor(absl::Duration timeout) {
  pollfd waited = {.fd = fds_[0], .events = POLLIN, .revents = 0};
  poll(&waited, 1, static_cast<int>(absl::ToInt64Milliseconds(timeout)));
  return Take();
}

const char* SignalName(int signal) {
  switch (signal) {
    case SIGINT:
      return "SIGINT";
    case SIGTERM:
      return "SIGTERM";
    default:
      return "a signal";
  }
}

SignalWaiter::SignalWaiter(Signals& signals, std::function<void(int)> on_stop)
    : signals_(signals),
      end_fd_(eventfd(0, EFD_CLOEXEC)),
      thread_("signals", [this, on_stop = std::move(on_stop)] { Run(on_stop); }) {}

SignalWaiter::~SignalWaiter() {
  eventfd_write(end_fd_, 1);
  thread_.Join();
  close(end_fd_);
}

void SignalWaiter::Run(const std::function<void(int)>& on_stop) {
  bool seen = false;
  while (true) {
    pollfd fds[2] = {{.fd = signals_.fd(), .events = POLLIN, .revents = 0},
                     {.fd = end_fd_, .events = POLLIN, .revents = 0}};
    if (poll(fds, 2, -1) < 0) continue;
    if (fds[1].revents != 0) return;
    const int signal = signals_.Take();
    if (signal == 0) continue;
    if (seen) _exit(128 + signal);
    seen = true;
    on_stop(signal);
  }
}

}  // namespace paramd
