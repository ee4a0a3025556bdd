#pragma once

#include <functional>
#include <string>
#include <thread>

namespace paramd {

// A thread with a name that debuggers and `top -H` show; joined by the destructor. The owner makes
// `body` return.
class Thread {
 public:
  // `name`: at most 15 bytes are kept by the system.
  Thread(const std::string& name, std::function<void()> body);
  ~Thread();
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;

  // Waits for the body to return; a second call does nothing.
  void Join();

 private:
  std::thread thread_;
};

// The calling thread gets about a tenth of a processor that others want too (nice 10), and all of
// one that nobody wants. For work that may take its time; it should hold no lock that others wait
// for.
void LowerPriority();

}  // namespace paramd
