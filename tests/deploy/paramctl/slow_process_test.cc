#include "deploy/paramctl/slow_process.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <string>

namespace paramd {
namespace {

// A process that waits for signals.
class Child {
 public:
  Child() : pid_(fork()) {
    if (pid_ > 0) return;
    while (true) pause();
  }
  ~Child() { End(); }

  pid_t pid() const { return pid_; }
  // As /proc has it: T is stopped.
  char State() const {
    std::ifstream file("/proc/" + std::to_string(pid_) + "/stat");
    std::string text;
    std::getline(file, text);
    return text.at(text.rfind(')') + 2);
  }
  void End() {
    if (ended_) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    ended_ = true;
  }

 private:
  const pid_t pid_;
  bool ended_ = false;
};

TEST_CASE("the process is stopped and goes on, again and again, and goes on at the end") {
  Child child;
  {
    const auto slow = SlowProcess::Start(child.pid(), 4);
    REQUIRE(slow.ok());
    for (int i = 0; i < 5; ++i) {
      while (child.State() != 'T') {
      }
      while (child.State() == 'T') {
      }
    }
  }
  CHECK(child.State() != 'T');
}

TEST_CASE("a process that ends is left alone, and one that has ended is none") {
  Child child;
  const auto slow = SlowProcess::Start(child.pid(), 4);
  REQUIRE(slow.ok());
  child.End();
  CHECK(SlowProcess::Start(child.pid(), 4).status().code() == absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace paramd
