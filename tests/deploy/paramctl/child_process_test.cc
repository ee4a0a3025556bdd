#include "deploy/paramctl/child_process.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "common/process/signals.h"
#include "tests/testing/temp_dir.h"

namespace paramd {
namespace {

constexpr absl::Duration kLong = absl::Seconds(60);

class Shell {
 public:
  std::unique_ptr<ChildProcess> Start(const std::string& script) {
    auto process = ChildProcess::Start({.name = "child",
                                        .program = "/bin/sh",
                                        .args = {"-c", script},
                                        .log_file = dir_.File("log")});
    REQUIRE(process.ok());
    return *std::move(process);
  }

  void WaitForEnd(ChildProcess& process) {
    while (!process.PollEnd()) signals_.WaitFor(kLong);
  }

  TempDir dir_;
  Signals signals_;
};

TEST_CASE_METHOD(Shell, "a daemon says where it answers") {
  auto process = Start("echo noise; echo ready role=worker address=127.0.0.1:4711 pid=$$; exit 0");
  WaitForEnd(*process);
  CHECK(process->address() == "127.0.0.1:4711");
  CHECK(process->succeeded());
  CHECK(process->output_fd() == -1);
}

TEST_CASE_METHOD(Shell, "an exit code") {
  auto process = Start("echo one >&2; echo two >&2; exit 78");
  WaitForEnd(*process);
  CHECK(process->address().empty());
  CHECK_FALSE(process->succeeded());
  CHECK(process->exit_code() == 78);
  CHECK(process->HowItEnded() == "exited with code 78");
  CHECK(process->LogTail() == "  one\n  two\n");
}

TEST_CASE_METHOD(Shell, "a signal") {
  auto process = Start("kill -9 $$");
  WaitForEnd(*process);
  CHECK(process->exit_code() == 137);
  CHECK(process->HowItEnded() == "was killed by signal 9 (Killed)");
  CHECK(process->LogTail().empty());
}

TEST_CASE_METHOD(Shell, "a signal reaches it although the parent does not take it") {
  auto process = Start("exec sleep 1000");
  process->Signal(SIGTERM);
  WaitForEnd(*process);
  CHECK(process->HowItEnded() == "was killed by signal 15 (Terminated)");
}

TEST_CASE_METHOD(Shell, "a long line of output is no line of a daemon") {
  auto process = Start("head -c 1000000 /dev/zero");
  while (process->output_fd() >= 0) {
    signals_.WaitFor(absl::Milliseconds(1));
    process->ReadOutput();
  }
  WaitForEnd(*process);
  CHECK(process->succeeded());
}

TEST_CASE_METHOD(Shell, "the destructor kills it and what it started") {
  int alive[2];
  REQUIRE(pipe(alive) == 0);
  { auto process = Start("sleep 1000 & exec sleep 1000"); }
  close(alive[1]);
  char byte;
  CHECK(read(alive[0], &byte, 1) == 0);  // the end: nobody holds the pipe any more
  close(alive[0]);
}

TEST_CASE_METHOD(Shell, "it does not outlive its parent") {
  int alive[2];
  REQUIRE(pipe(alive) == 0);
  const pid_t parent = fork();
  if (parent == 0) {
    auto process = ChildProcess::Start({.name = "child",
                                        .program = "/bin/sh",
                                        .args = {"-c", "exec sleep 1000"},
                                        .log_file = dir_.File("log")});
    kill(getpid(), process.ok() ? SIGKILL : SIGABRT);
  }
  close(alive[1]);
  int status = 0;
  REQUIRE(waitpid(parent, &status, 0) == parent);
  CHECK(WTERMSIG(status) == SIGKILL);
  char byte;
  CHECK(read(alive[0], &byte, 1) == 0);
  close(alive[0]);
}

TEST_CASE("a program that is not there") {
  TempDir dir;
  const auto process = ChildProcess::Start(
      {.name = "child", .program = "/no/such/program", .log_file = dir.File("log")});
  CHECK(process.status().code() == absl::StatusCode::kNotFound);
  CHECK(std::string(process.status().message()) ==
        "start /no/such/program: No such file or directory");
}

TEST_CASE("a log file that cannot be made") {
  TempDir dir;
  const auto process = ChildProcess::Start(
      {.name = "child", .program = "/bin/sh", .log_file = dir.File("no/such/log")});
  CHECK(process.status().code() == absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace paramd
