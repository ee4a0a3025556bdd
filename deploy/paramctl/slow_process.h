#pragma once

#include <sys/types.h>

#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/base/thread.h"

namespace paramd {

// Makes a process as slow as on a slower machine, for tests and measurements of what others do
// about it: stops it and lets it go on (SIGSTOP, SIGCONT) so that it runs for a part of every 20
// milliseconds.
class SlowProcess {
 public:
  // The process runs for 1 / `factor` (more than 1) of the time. NOT_FOUND: it has ended; other
  // errors as the system says.
  static absl::StatusOr<std::unique_ptr<SlowProcess>> Start(pid_t pid, double factor);

  // Lets it go on.
  ~SlowProcess();
  SlowProcess(const SlowProcess&) = delete;
  SlowProcess& operator=(const SlowProcess&) = delete;

 private:
  SlowProcess(int pidfd, double factor);

  void Run();
  // False: the process has ended.
  bool Send(int signal) const;
  // False: this one ends.
  bool Wait(absl::Duration time);

  const int pidfd_;  // so that no other process of the same number is meant
  const absl::Duration runs_;
  Mutex mutex_;
  CondVar changed_;
  bool ends_ ABSL_GUARDED_BY(mutex_) = false;
  Thread thread_;
};

}  // namespace paramd
