#include "deploy/paramctl/local_cluster.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "common/base/file.h"
#include "tests/deploy/paramctl/fake_status_service.h"
#include "tests/testing/temp_dir.h"

namespace paramd {
namespace {

v1::ClusterStatus InState(v1::JobState state) {
  v1::ClusterStatus status;
  status.mutable_job()->set_state(state);
  status.mutable_job()->set_phase(state == v1::RUNNING ? v1::TRAINING : v1::DONE);
  return status;
}

// Runs clusters whose daemons are shell scripts and whose coordinator's answers come from the test.
class Fixture {
 public:
  // Every daemon says that it is ready and waits; before that it runs `special`, a shell command in
  // which $NAME is its name.
  LocalCluster::Outcome Run(const std::string& special) {
    const std::string script = dir_.Write(
        "daemon",
        absl::StrReplaceAll(
            R"(#!/bin/sh
NAME=coordinator ARGS="$*"
while [ $# -gt 0 ]; do [ "$1" = --name ] && NAME=$2; shift; done
echo $$ >> DIR/pids
echo "$ARGS" > DIR/$NAME.args
ready() { echo "ready role=x address=ADDRESS pid=$$"; }
SPECIAL
ready
exec sleep 1000
)",
            {{"DIR", dir_.path()}, {"ADDRESS", service_.address()}, {"SPECIAL", special}}));
    chmod(script.c_str(), 0755);
    options_.server_program = options_.worker_program = script;
    LocalCluster::Outcome outcome = LocalCluster(options_, signals_, Clock::System()).Run();
    CheckThatNoneIsLeft();
    return outcome;
  }

 protected:
  void CheckThatNoneIsLeft() {
    std::istringstream pids(*ReadFile(dir_.File("pids")));
    for (pid_t pid; pids >> pid;) CHECK((kill(pid, 0) == -1 && errno == ESRCH));
  }

  TempDir dir_;
  Signals signals_;
  FakeStatusService service_{{InState(v1::RUNNING)}};
  std::vector<std::string> events_;
  int statuses_ = 0;
  LocalCluster::Options options_ = {
      .servers = 2,
      .workers = 2,
      .log_dir = dir_.path(),
      .grace = absl::Milliseconds(50),
      .poll_interval = absl::Milliseconds(5),
      .on_status = [this](const v1::ClusterStatus&) { ++statuses_; },
      .on_event = [this](const std::string& event) { events_.push_back(event); }};
};

TEST_CASE_METHOD(Fixture, "a job that succeeds") {
  options_.on_status = [this](const v1::ClusterStatus&) {
    if (++statuses_ == 3) service_.Set(InState(v1::SUCCEEDED));
  };
  const auto outcome = Run("");
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.details.empty());
  REQUIRE(outcome.status.has_value());
  CHECK(outcome.status->job().state() == v1::SUCCEEDED);
  CHECK(statuses_ >= 3);
  CHECK(events_.empty());
}

TEST_CASE_METHOD(Fixture, "every daemon gets its arguments") {
  options_.coordinator_args = {"--config", "my c.yaml"};
  const auto args = [this](const std::string& name) {
    return ReadFile(dir_.File(name + ".args")).value_or("");
  };
  options_.on_status = [&](const v1::ClusterStatus&) {
    for (const char* name : {"server-0", "server-1", "worker-0", "worker-1"})
      if (args(name).empty()) return;
    service_.Set(InState(v1::SUCCEEDED));
  };
  REQUIRE(Run("").exit_code == 0);
  const std::string member = " --coordinator " + service_.address() + " --listen 127.0.0.1:0";
  CHECK(args("coordinator") == "--role coordinator --config my c.yaml\n");
  CHECK(args("server-1") == "--role shard_host" + member + " --name server-1\n");
  CHECK(args("worker-0") == member.substr(1) + " --name worker-0\n");
}

TEST_CASE_METHOD(Fixture, "a job that fails passes on its message and exit code") {
  v1::ClusterStatus status = InState(v1::FAILED);
  status.mutable_job()->set_message("bad record train.libsvm:7");
  status.mutable_job()->set_exit_code(65);
  service_.Set(status);
  const auto outcome = Run("");
  CHECK(outcome.exit_code == 65);
  CHECK(outcome.message == "bad record train.libsvm:7");
}

TEST_CASE_METHOD(Fixture, "a server that is killed ends the run, and is named") {
  const auto outcome = Run("[ $NAME = server-1 ] && { ready; echo going down >&2; kill -9 $$; }");
  CHECK(outcome.exit_code == 1);
  CHECK(absl::StartsWith(outcome.message, "server-1 (pid "));
  CHECK(absl::EndsWith(outcome.message, ") was killed by signal 9 (Killed)"));
  CHECK(outcome.details == "last lines of " + dir_.path() + "/server-1.log:\n  going down\n");
  CHECK(events_ == std::vector<std::string>{outcome.message});
}

TEST_CASE_METHOD(Fixture, "a worker that is killed does not end the run") {
  options_.on_event = [this](const std::string& event) {
    events_.push_back(event);
    service_.Set(InState(v1::SUCCEEDED));
  };
  const auto outcome = Run("[ $NAME = worker-1 ] && { ready; kill -9 $$; }");
  CHECK(outcome.exit_code == 0);
  REQUIRE(events_.size() == 1);
  CHECK(absl::StartsWith(events_[0], "worker-1 (pid "));
}

TEST_CASE_METHOD(Fixture, "when every worker is killed the run ends") {
  const auto outcome = Run("case $NAME in worker-*) ready; kill -9 $$;; esac");
  CHECK(outcome.exit_code == 1);
  CHECK(absl::StartsWith(outcome.message, "no worker is left: worker-0 (pid "));
}

TEST_CASE_METHOD(Fixture, "a coordinator that is killed ends the run") {
  const auto outcome = Run("[ $NAME = coordinator ] && { ready; kill -9 $$; }");
  CHECK(outcome.exit_code == 1);
  CHECK(absl::StartsWith(outcome.message, "coordinator (pid "));
}

TEST_CASE_METHOD(Fixture, "a coordinator that refuses its configuration") {
  const auto outcome = Run("[ $NAME = coordinator ] && { echo c.yaml:1:1: no >&2; exit 78; }");
  CHECK(outcome.exit_code == 78);
  CHECK(absl::EndsWith(outcome.message, "exited with code 78 before it was ready"));
  CHECK(absl::EndsWith(outcome.details, "coordinator.log:\n  c.yaml:1:1: no\n"));
}

TEST_CASE_METHOD(Fixture, "a program that cannot be started") {
  dir_.Write("pids", "");
  options_.server_program = "/no/such/program";
  const auto outcome = LocalCluster(options_, signals_, Clock::System()).Run();
  CHECK(outcome.exit_code == 1);
  CHECK(outcome.message == "start /no/such/program: No such file or directory");
}

TEST_CASE_METHOD(Fixture, "SIGTERM stops everything") {
  options_.on_status = [](const v1::ClusterStatus&) { kill(getpid(), SIGTERM); };
  const auto outcome = Run("");
  CHECK(outcome.exit_code == 1);
  CHECK(outcome.message == "stopped by signal 15 (Terminated)");
  CHECK(events_.empty());
}

TEST_CASE_METHOD(Fixture, "a daemon that does not stop is killed") {
  service_.Set(InState(v1::SUCCEEDED));
  options_.stop_grace = absl::Milliseconds(20);
  const auto outcome = Run("trap '' TERM");
  CHECK(outcome.exit_code == 0);
  // A worker that had not come as far as to ignore the signal ended by it.
  CHECK(events_.size() >= 3);
  for (const std::string& event : events_) {
    CHECK(absl::EndsWith(event, " does not stop and is killed"));
  }
}

}  // namespace
}  // namespace paramd
