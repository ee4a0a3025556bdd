#include "deploy/paramctl/signals.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace paramd {

Signals::Signals() {
  // Ignored, as a parent may have left it, it would take the ends of children with it.
  signal(SIGCHLD, SIG_DFL);
  sigset_t taken;
  sigemptyset(&taken);
  for (const int signal : {SIGINT, SIGTERM, SIGCHLD}) sigaddset(&taken, signal);
  pthread_sigmask(SIG_BLOCK, &taken, &before_);
  fd_ = signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
}

Signals::~Signals() {
  close(fd_);
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

int Signals::Take() {
  int stop = 0;
  signalfd_siginfo info;
  while (read(fd_, &info, sizeof(info)) == sizeof(info))
    if (info.ssi_signo != SIGCHLD) stop = static_cast<int>(info.ssi_signo);
  return stop;
}

int Signals::WaitFor(absl::Duration timeout) {
  pollfd waited = {.fd = fd_, .events = POLLIN};
  poll(&waited, 1, static_cast<int>(absl::ToInt64Milliseconds(timeout)));
  return Take();
}

}  // namespace paramd
