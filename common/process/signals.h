#pragma once

#include <functional>
#include <string>

#include "common/base/thread.h"

namespace paramd {

// Blocks SIGTERM and SIGINT for the calling thread and all that it starts later, and ignores
// SIGPIPE. First thing in main.
void BlockSignals();

// Calls `on_signal` with "SIGTERM" or "SIGINT" when the process gets one of them, from a thread of
// its own. A second signal ends the process at once. Signals that came since BlockSignals count.
class SignalWaiter {
 public:
  explicit SignalWaiter(std::function<void(const std::string&)> on_signal);
  ~SignalWaiter();

 private:
  void Run(const std::function<void(const std::string&)>& on_signal) const;

  const int signal_fd_;
  // Readable when the thread is to end.
  const int end_fd_;
  Thread thread_;
};

}  // namespace paramd
