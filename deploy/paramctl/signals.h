#pragma once

#include <signal.h>

#include "absl/time/time.h"

namespace paramd {

// Takes SIGINT, SIGTERM and SIGCHLD as things to read instead of interruptions. At most one at a
// time; made before any other thread, which then do not get these signals either. Not thread-safe.
class Signals {
 public:
  Signals();
  // Signals work as before.
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // Readable when a signal waits.
  int fd() const { return fd_; }

  // Takes the signals that wait. The number of a SIGINT or SIGTERM among them, otherwise 0.
  int Take();

  // Waits for a signal, and takes those that wait; 0 after `timeout`, or when it was only SIGCHLD.
  int WaitFor(absl::Duration timeout);

  // The signal mask as it was before: what child processes start with.
  const sigset_t& before() const { return before_; }

 private:
  sigset_t before_;
  int fd_;
};

}  // namespace paramd
