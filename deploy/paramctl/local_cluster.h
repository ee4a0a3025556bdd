#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/process/signals.h"
#include "deploy/paramctl/child_process.h"
#include "deploy/paramctl/slow_process.h"
#include "deploy/paramctl/status_poller.h"
#include "deploy/paramctl/verdict.h"
#include "paramd/v1/status.pb.h"

namespace paramd {

// A whole cluster on this machine: a coordinator, shard hosts and workers, each a child process,
// run until the job ends. Not thread-safe.
class LocalCluster {
 public:
  struct Options {
    std::string server_program;
    std::string worker_program;
    // Of the coordinator, behind "--role coordinator".
    std::vector<std::string> coordinator_args;
    uint32_t servers = 1;
    uint32_t workers = 1;
    // The last worker is as slow as on a machine that is so many times slower; 1: it is not.
    double slow_worker = 1;
    // A folder; every daemon writes NAME.log there.
    std::string log_dir;
    // How long the coordinator may take to notice the loss of a member.
    absl::Duration grace;
    // How long daemons may take to stop when asked to, before they are killed.
    absl::Duration stop_grace = absl::Seconds(5);
    absl::Duration poll_interval = absl::Milliseconds(500);
    // Told on the calling thread: each status of the cluster, and each event worth a line.
    std::function<void(const v1::ClusterStatus&)> on_status;
    std::function<void(const std::string&)> on_event;
  };

  struct Outcome {
    // As of the programs; 0: the job succeeded.
    int exit_code = 0;
    // What went wrong, in a line.
    std::string message;
    // The last log lines of the daemons that ended in failure or did not get ready.
    std::string details;
    // The last that the coordinator said, before the daemons were stopped.
    std::optional<v1::ClusterStatus> status;
  };

  // `signals`, `clock`: outlive the object.
  LocalCluster(Options options, Signals& signals, Clock& clock);

  // Runs the job to its end, or until SIGINT or SIGTERM; a second one kills the daemons at once. No
  // daemon is left when it returns. Call once.
  Outcome Run();

 private:
  struct Daemon {
    DaemonRole role;
    std::unique_ptr<ChildProcess> process;
    std::optional<absl::Duration> ended_at;
    std::unique_ptr<SlowProcess> slow = nullptr;
  };

  absl::Status Start(DaemonRole role, const std::string& name, std::vector<std::string> args);
  absl::Status StartMembers(const std::string& coordinator);
  // The coordinator's address once it is ready; otherwise "".
  std::string CoordinatorAddress() const;

  // Waits until something happened, or `timeout`, and takes note of it. The number of a SIGINT
  // or SIGTERM, otherwise 0.
  int Wait(absl::Duration timeout);
  void NoteEnds();
  void NoteStatus();
  RunView View() const;

  Outcome RunToVerdict();
  // Ends every daemon: asks, waits, kills.
  void Stop();
  bool AnyRunning() const;
  std::string Details() const;

  const Options options_;
  Signals& signals_;
  Clock& clock_;
  std::vector<Daemon> daemons_;
  bool members_started_ = false;
  bool stopping_ = false;
  std::unique_ptr<StatusPoller> poller_;
  std::optional<v1::ClusterStatus> status_;
  absl::Duration heard_at_;  // of the coordinator, or the start
};

}  // namespace paramd
