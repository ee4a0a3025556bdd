#include "deploy/paramctl/verdict.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/exit_code.h"

namespace paramd {
namespace {

constexpr absl::Duration kMaxSilence = absl::Minutes(1);

// What daemons ended of, joined by ";".
std::string Ends(const RunView& run) {
  std::string text;
  for (const DaemonView& daemon : run.daemons) {
    if (!daemon.ended || (daemon.role == DaemonRole::kWorker && daemon.exit_code == 0)) continue;
    absl::StrAppend(&text, text.empty() ? "" : "; ", daemon.who, " ", daemon.how);
  }
  return text;
}

// Programs' own exit codes for bad data and bad configuration are passed on.
int PassedOn(int exit_code) {
  return exit_code == kExitBadData || exit_code == kExitBadConfig ? exit_code : kExitFailure;
}

std::optional<Verdict> JudgeJob(const RunView& run) {
  if (!run.job.has_value()) return std::nullopt;
  if (run.job->state() == v1::SUCCEEDED) return Verdict{};
  if (run.job->state() != v1::FAILED) return std::nullopt;
  const std::string ends = Ends(run);
  const int exit_code = run.job->exit_code();
  return Verdict{
      exit_code != 0 ? exit_code : kExitFailure,
      absl::StrCat(run.job->message(), ends.empty() ? "" : " [", ends, ends.empty() ? "" : "]")};
}

// The end of a daemon that the run cannot go on without.
std::optional<Verdict> JudgeEnds(const RunView& run) {
  for (const DaemonView& daemon : run.daemons) {
    const bool coordinator = daemon.role == DaemonRole::kCoordinator;
    if (!daemon.ended || (daemon.ready && !coordinator)) continue;
    return Verdict{
        PassedOn(daemon.exit_code),
        absl::StrCat(daemon.who, " ", daemon.how, daemon.ready ? "" : " before it was ready")};
  }
  return std::nullopt;
}

// The loss of members that the coordinator should have noticed by now.
std::optional<Verdict> JudgeLosses(const RunView& run) {
  const v1::JobState state = run.job.has_value() ? run.job->state() : v1::CREATED;
  const bool saving = run.job.has_value() && run.job->phase() == v1::SAVING;
  int workers_left = 0;
  absl::Duration server_lost, worker_lost, last_worker_lost = absl::InfiniteDuration();
  for (const DaemonView& daemon : run.daemons) {
    // One that was drained has ended well.
    if (daemon.role == DaemonRole::kServer && daemon.exit_code != 0) {
      server_lost = std::max(server_lost, daemon.ended_for);
    }
    if (daemon.role != DaemonRole::kWorker) continue;
    workers_left += daemon.ended ? 0 : 1;
    worker_lost = std::max(worker_lost, daemon.ended_for);
    last_worker_lost = std::min(last_worker_lost, daemon.ended_for);
  }
  if (server_lost > run.grace) return Verdict{kExitFailure, Ends(run)};
  if (state == v1::CREATED && worker_lost > run.grace) return Verdict{kExitFailure, Ends(run)};
  if (workers_left == 0 && !saving && last_worker_lost > run.grace &&
      last_worker_lost < absl::InfiniteDuration()) {
    const std::string ends = Ends(run);
    return Verdict{kExitFailure, absl::StrCat("no worker is left", ends.empty() ? "" : ": ", ends)};
  }
  return std::nullopt;
}

std::optional<Verdict> JudgeSilence(const RunView& run) {
  if (run.silence <= kMaxSilence) return std::nullopt;
  for (const DaemonView& daemon : run.daemons) {
    if (daemon.ready) continue;
    return Verdict{kExitFailure, absl::StrCat(daemon.who, " does not get ready")};
  }
  return Verdict{kExitFailure, "the coordinator does not answer"};
}

}  // namespace

std::optional<Verdict> Judge(const RunView& run) {
  for (const auto& judge : {JudgeJob, JudgeEnds, JudgeLosses, JudgeSilence})
    if (std::optional<Verdict> verdict = judge(run)) return verdict;
  return std::nullopt;
}

}  // namespace paramd
