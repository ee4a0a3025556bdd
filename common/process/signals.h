#pragma once

#include <functional>

#include "absl/time/time.h"
#include "common/base/thread.h"

namespace paramd {

// Takes SIGINT, SIGTERM and SIGCHLD as things to read instead of interruptions, whichever thread
// the system hands them to (libraries start threads before main, so blocking them would not do).
// SIGPIPE and SIGXFSZ are ignored: what was written to fails instead. At most one at a time; first
// thing in main. Take and WaitFor are for one thread.
class Signals {
 public:
  Signals();
  // Signals work as before.
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // Readable when a signal waits.
  int fd() const { return fds_[0]; }

  // Takes the signals that wait. The number of a SIGINT or SIGTERM among them, otherwise 0.
  int Take();

  // Waits for a signal, and takes those that wait; 0 after `timeout`, or when it was only SIGCHLD.
  int WaitFor(absl::Duration timeout);

 private:
  int fds_[2];
};

// "SIGINT", "SIGTERM" and so on.
const char* SignalName(int signal);

// Calls `on_stop` with SIGTERM or SIGINT when the process gets one, from a thread of its own. A
// second one ends the process at once, if it comes after `on_stop` returned. Borrows `signals`.
class SignalWaiter {
 public:
  SignalWaiter(Signals& signals, std::function<void(int)> on_stop);
  ~SignalWaiter();

 private:
  void Run(const std::function<void(int)>& on_stop);

  Signals& signals_;
  // Readable when the thread is to end.
  const int end_fd_;
  Thread thread_;
};

}  // namespace paramd
