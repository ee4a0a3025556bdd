#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "paramd/v1/status.pb.h"

namespace paramd {

// When a run on one machine is over. Pure: no clock, no process.

enum class DaemonRole { kCoordinator, kServer, kWorker };

// What is known of one daemon.
struct DaemonView {
  DaemonRole role = DaemonRole::kWorker;
  std::string who;  // "worker-1 (pid 42)"
  bool ready = false;
  bool ended = false;
  // After its end:
  std::string how;  // "was killed by signal 9 (Killed)"
  int exit_code = 0;
  absl::Duration ended_for;
};

struct RunView {
  std::vector<DaemonView> daemons;
  // As of the coordinator's latest answer.
  std::optional<v1::JobStatus> job;
  // Since that answer, or, before the first, since the start.
  absl::Duration silence;
  // How long the coordinator may take to notice that a member is gone.
  absl::Duration grace;
};

struct Verdict {
  int exit_code = 0;
  std::string message;  // why it failed; empty on success
};

// nullopt while the run goes on. It ends
// - when the coordinator says that the job succeeded or failed;
// - when the coordinator, or any daemon that was not ready yet, ends;
// - when a server, or every worker (before training any worker), is gone and the coordinator had
//   `grace` to say what that means. While the coordinator saves the model, workers may go;
// - when there was no ready line, or no answer of the coordinator, for a minute.
std::optional<Verdict> Judge(const RunView& run);

}  // namespace paramd
