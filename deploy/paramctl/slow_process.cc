#include "deploy/paramctl/slow_process.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

// The header of glibc 2.36 does not say by itself that it is C.
extern "C" {
#include <sys/pidfd.h>
}

namespace paramd {
namespace {

constexpr absl::Duration kPeriod = absl::Milliseconds(20);

}  // namespace

absl::StatusOr<std::unique_ptr<SlowProcess>> SlowProcess::Start(pid_t pid, double factor) {
  const int pidfd = pidfd_open(pid, 0);
  if (pidfd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("process ", pid));
  return absl::WrapUnique(new SlowProcess(pidfd, factor));
}

SlowProcess::SlowProcess(int pidfd, double factor)
    : pidfd_(pidfd), runs_(kPeriod / factor), thread_("slow-process", [this] { Run(); }) {}

SlowProcess::~SlowProcess() {
  {
    MutexLock lock(mutex_);
    ends_ = true;
    changed_.NotifyAll();
  }
  thread_.Join();
  close(pidfd_);
}

void SlowProcess::Run() {
  while (Wait(runs_) && Send(SIGSTOP)) {
    const bool goes_on = Wait(kPeriod - runs_);
    if (!Send(SIGCONT) || !goes_on) return;
  }
}

bool SlowProcess::Send(int signal) const {
  return pidfd_send_signal(pidfd_, signal, nullptr, 0) == 0;
}

bool SlowProcess::Wait(absl::Duration time) {
  const absl::Time end = absl::Now() + time;
  MutexLock lock(mutex_);
  while (!ends_ && absl::Now() < end) changed_.WaitFor(mutex_, end - absl::Now());
  return !ends_;
}

}  // namespace paramd
