#include "deploy/paramctl/verdict.h"

#include <catch2/catch.hpp>
#include <string>

namespace paramd {
namespace {

// A coordinator, two servers and two workers in training.
RunView Running() {
  RunView run{.grace = absl::Seconds(4)};
  run.daemons = {{DaemonRole::kCoordinator, "coordinator (pid 1)", true},
                 {DaemonRole::kServer, "server-0 (pid 2)", true},
                 {DaemonRole::kServer, "server-1 (pid 3)", true},
                 {DaemonRole::kWorker, "worker-0 (pid 4)", true},
                 {DaemonRole::kWorker, "worker-1 (pid 5)", true}};
  run.job.emplace();
  run.job->set_state(v1::RUNNING);
  run.job->set_phase(v1::TRAINING);
  return run;
}

void Kill(DaemonView& daemon, absl::Duration ago) {
  daemon.ended = true;
  daemon.how = "was killed by signal 9 (Killed)";
  daemon.exit_code = 137;
  daemon.ended_for = ago;
}

std::string Message(const RunView& run) {
  const auto verdict = Judge(run);
  return verdict.has_value() ? verdict->message : "goes on";
}

TEST_CASE("training goes on") { CHECK_FALSE(Judge(Running()).has_value()); }

TEST_CASE("the coordinator says that the job succeeded") {
  RunView run = Running();
  run.job->set_state(v1::SUCCEEDED);
  CHECK(Judge(run)->exit_code == 0);
  CHECK(Message(run).empty());
}

TEST_CASE("the coordinator says that the job failed") {
  RunView run = Running();
  run.job->set_state(v1::FAILED);
  run.job->set_message("too many bad records");
  CHECK(Judge(run)->exit_code == 1);
  run.job->set_exit_code(65);
  CHECK(Judge(run)->exit_code == 65);
  CHECK(Message(run) == "too many bad records");
}

TEST_CASE("a server that was drained has ended well") {
  RunView run = Running();
  run.daemons[2].ended = true;
  run.daemons[2].how = "exited with code 0";
  run.daemons[2].ended_for = absl::Seconds(30);
  CHECK(Message(run) == "goes on");
}

TEST_CASE("the coordinator says that a server was lost") {
  RunView run = Running();
  run.job->set_state(v1::FAILED);
  run.job->set_message("server-1 was lost");
  Kill(run.daemons[2], absl::Seconds(3));
  CHECK(Message(run) == "server-1 was lost [server-1 (pid 3) was killed by signal 9 (Killed)]");
}

TEST_CASE("a server is gone: the coordinator has some time to say so") {
  RunView run = Running();
  Kill(run.daemons[2], absl::Seconds(4));
  CHECK_FALSE(Judge(run).has_value());
  run.daemons[2].ended_for = absl::Seconds(5);
  CHECK(Judge(run)->exit_code == 1);
  CHECK(Message(run) == "server-1 (pid 3) was killed by signal 9 (Killed)");
}

TEST_CASE("a worker is gone: the others go on") {
  RunView run = Running();
  Kill(run.daemons[3], absl::Hours(1));
  CHECK_FALSE(Judge(run).has_value());
}

TEST_CASE("a worker is gone before training: the job cannot begin") {
  RunView run = Running();
  run.job->set_state(v1::CREATED);
  Kill(run.daemons[3], absl::Seconds(5));
  CHECK(Message(run) == "worker-0 (pid 4) was killed by signal 9 (Killed)");
}

TEST_CASE("all workers are gone") {
  RunView run = Running();
  Kill(run.daemons[3], absl::Seconds(60));
  Kill(run.daemons[4], absl::Seconds(4));
  CHECK_FALSE(Judge(run).has_value());
  run.daemons[4].ended_for = absl::Seconds(5);
  CHECK(Message(run) ==
        "no worker is left: worker-0 (pid 4) was killed by signal 9 (Killed); worker-1 (pid 5) was "
        "killed by signal 9 (Killed)");
  run.job->set_phase(v1::SAVING);
  CHECK_FALSE(Judge(run).has_value());
}

TEST_CASE("the coordinator is gone") {
  RunView run = Running();
  Kill(run.daemons[0], absl::ZeroDuration());
  CHECK(Message(run) == "coordinator (pid 1) was killed by signal 9 (Killed)");
}

TEST_CASE("a daemon ends before it is ready") {
  RunView run = Running();
  run.daemons[4] = {.role = DaemonRole::kWorker,
                    .who = "worker-1 (pid 5)",
                    .ended = true,
                    .how = "exited with code 78",
                    .exit_code = 78};
  CHECK(Judge(run)->exit_code == 78);
  CHECK(Message(run) == "worker-1 (pid 5) exited with code 78 before it was ready");
  run.daemons[4].exit_code = 0;
  CHECK(Judge(run)->exit_code == 1);
}

TEST_CASE("silence") {
  RunView run = Running();
  run.silence = absl::Seconds(61);
  CHECK(Message(run) == "the coordinator does not answer");
  run.daemons[0].ready = false;
  CHECK(Message(run) == "coordinator (pid 1) does not get ready");
}

}  // namespace
}  // namespace paramd
