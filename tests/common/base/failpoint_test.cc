#include "common/base/failpoint.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/atomic_file_writer.h"
#include "common/base/exit_code.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/base/thread.h"
#include "tests/testing/temp_dir.h"

namespace paramd {
namespace {

absl::Status Step() {
  RETURN_IF_FAILPOINT("test.step");
  return absl::OkStatus();
}

absl::StatusOr<int> Number() {
  RETURN_IF_FAILPOINT("test.number");
  return 7;
}

int Abortable() {
  PARAMD_FAILPOINT("test.abortable");
  return 1;
}

// Failpoints as `settings` says, for the length of a block.
class Failpoints {
 public:
  explicit Failpoints(absl::string_view settings) {
    const absl::Status status = SetFailpoints(settings);
    INFO(status);
    REQUIRE(status.ok());
  }
  ~Failpoints() { SetFailpoints("").IgnoreError(); }
};

// How a child process that calls `run` ends, as of waitpid.
template <typename Run>
int StatusOfChild(const Run& run) {
  const pid_t child = fork();
  if (child == 0) {
    // Catch2 would report the death of the child, too.
    std::signal(SIGABRT, SIG_DFL);
    run();
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return status;
}

}  // namespace

TEST_CASE("without settings failpoints do nothing") {
  CHECK_FALSE(failpoints_are_set);
  CHECK(Step().ok());
  CHECK(*Number() == 7);
  CHECK(Abortable() == 1);
}

TEST_CASE("every failpoint of a program is known by name before it is reached") {
  const std::vector<std::string> names = FailpointNames();
  for (const char* name :
       {"test.step", "test.number", "test.abortable", "file.write", "file.fsync", "folder.fsync",
        "atomic_file.write", "atomic_file.fsync", "atomic_file.rename"}) {
    INFO(name);
    CHECK(std::count(names.begin(), names.end(), name) == 1);
  }
  CHECK(std::is_sorted(names.begin(), names.end()));
}

TEST_CASE("an error is returned so many times, with the failpoint's name") {
  const Failpoints failpoints("test.step=error,test.number=error:2:ENOSPC");
  const absl::Status first = Step();
  CHECK(absl::IsUnavailable(first));
  CHECK(absl::StrContains(first.message(), "test.step: Input/output error"));
  CHECK(Step().ok());
  CHECK(absl::IsResourceExhausted(Number().status()));
  CHECK(absl::IsResourceExhausted(Number().status()));
  CHECK(*Number() == 7);
}

TEST_CASE("an error does nothing where none can be returned") {
  const Failpoints failpoints("test.abortable=error");
  CHECK(Abortable() == 1);
}

TEST_CASE("off, and what is not named, is off") {
  const Failpoints before("test.step=error:5");
  const Failpoints failpoints("test.step=off,test.number=error");
  CHECK(Step().ok());
  const Failpoints after("test.step=error");
  CHECK(Number().ok());
}

TEST_CASE("abort ends the process at the hit that was asked for") {
  const int aborted = StatusOfChild([] {
    if (!SetFailpoints("test.abortable=abort:3").ok()) _exit(1);
    Abortable();
    Abortable();
    Abortable();
  });
  CHECK(WIFSIGNALED(aborted));
  CHECK(WTERMSIG(aborted) == SIGABRT);
  const int survived = StatusOfChild([] {
    if (!SetFailpoints("test.abortable=abort:3").ok()) _exit(1);
    Abortable();
    Abortable();
  });
  CHECK(WIFEXITED(survived));
  CHECK(WEXITSTATUS(survived) == 0);
}

TEST_CASE("stall waits for its file") {
  const TempDir dir;
  const std::string go = dir.path() + "/go";
  const Failpoints failpoints(absl::StrCat("test.step=stall:", go));
  std::atomic<bool> passed{false};
  Thread thread("stalled", [&] { passed = Step().ok(); });
  while (access((go + ".reached").c_str(), F_OK) != 0) std::this_thread::yield();
  CHECK_FALSE(passed);
  REQUIRE(WriteInPlace(go, "").ok());
  thread.Join();
  CHECK(passed);
}

TEST_CASE("settings that cannot be are refused and change nothing") {
  const Failpoints before("test.step=error:1");
  for (const char* settings :
       {"test.other=abort", "test.step", "test.step=", "test.step=explode", "test.step=abort:0",
        "test.step=abort:x", "test.step=abort:1:2", "test.step=error:1:EWHAT",
        "test.step=error:1:EIO:2", "test.step=error:-1", "test.step=stall",
        "test.step=stall:", "test.number=error,test.step=on"}) {
    INFO(settings);
    const absl::Status status = SetFailpoints(settings);
    CHECK(absl::IsInvalidArgument(status));
    CHECK(absl::StrContains(status.message(), "PARAMD_FAILPOINTS"));
  }
  CHECK(absl::StrContains(SetFailpoints("test.other=abort").message(), "it has "));
  CHECK(absl::StrContains(SetFailpoints("test.step=explode").message(), "abort[:N]"));
  CHECK(Number().ok());
  CHECK_FALSE(Step().ok());
}

TEST_CASE("the environment sets failpoints, or ends the program") {
  unsetenv("PARAMD_FAILPOINTS");
  CHECK_FALSE(FailpointsExitCode().has_value());
  setenv("PARAMD_FAILPOINTS", "test.step=error", 1);
  CHECK_FALSE(FailpointsExitCode().has_value());
  CHECK_FALSE(Step().ok());
  setenv("PARAMD_FAILPOINTS", "nonsense", 1);
  CHECK(FailpointsExitCode() == kExitBadConfig);
  setenv("PARAMD_FAILPOINTS", "list", 1);
  CHECK(FailpointsExitCode() == kExitDone);
  unsetenv("PARAMD_FAILPOINTS");
  CHECK(SetFailpoints("").ok());
  CHECK_FALSE(failpoints_are_set);
}

TEST_CASE("errors on the way of a file leave what was there") {
  const TempDir dir;
  const std::string path = dir.path() + "/file";
  const auto replace = [&](absl::string_view content) -> absl::Status {
    ASSIGN_OR_RETURN(const std::unique_ptr<AtomicFileWriter> writer,
                     AtomicFileWriter::Create(path));
    RETURN_IF_ERROR(writer->Append(content));
    return writer->Commit();
  };
  REQUIRE(replace("old").ok());
  for (const char* name : {"atomic_file.write", "atomic_file.fsync", "atomic_file.rename"}) {
    INFO(name);
    const Failpoints failpoints(absl::StrCat(name, "=error:1:ENOSPC"));
    CHECK(absl::IsResourceExhausted(replace("new")));
    CHECK(*ReadFile(path) == "old");
    CHECK_FALSE(ReadFile(path + ".tmp").ok());
  }
  const Failpoints failpoints("file.write=error,file.fsync=error,folder.fsync=error");
  CHECK_FALSE(WriteInPlace(path, "x").ok());
  CHECK(*ReadFile(path) == "old");
  CHECK_FALSE(WriteInPlace(path, "new").ok());
  CHECK_FALSE(SyncDirectory(dir.path()).ok());
  CHECK(WriteInPlace(path, "new").ok());
}

}  // namespace paramd
