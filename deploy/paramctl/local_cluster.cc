#include "deploy/paramctl/local_cluster.h"

#include <poll.h>
#include <signal.h>
#include <string.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/exit_code.h"
#include "common/base/status_macros.h"

namespace paramd {
namespace {

constexpr absl::Duration kTick = absl::Seconds(1);

std::string Who(const ChildProcess& process) {
  return absl::StrCat(process.name(), " (pid ", process.pid(), ")");
}

}  // namespace

LocalCluster::LocalCluster(Options options, Signals& signals, Clock& clock)
    : options_(std::move(options)), signals_(signals), clock_(clock) {}

LocalCluster::Outcome LocalCluster::Run() {
  heard_at_ = clock_.SinceBoot();
  Outcome outcome = RunToVerdict();
  Stop();
  outcome.status = std::move(status_);
  return outcome;
}

LocalCluster::Outcome LocalCluster::RunToVerdict() {
  std::vector<std::string> args = {"--role", "coordinator"};
  args.insert(args.end(), options_.coordinator_args.begin(), options_.coordinator_args.end());
  absl::Status started = Start(DaemonRole::kCoordinator, "coordinator", std::move(args));
  while (started.ok()) {
    if (const int signal = Wait(kTick)) {
      return {
          .exit_code = kExitFailure,
          .message = absl::StrCat("stopped by signal ", signal, " (", sigdescr_np(signal), ")")};
    }
    if (const std::optional<Verdict> verdict = Judge(View())) {
      return {.exit_code = verdict->exit_code,
              .message = verdict->message,
              .details = verdict->exit_code == kExitDone ? "" : Details()};
    }
    const std::string coordinator = CoordinatorAddress();
    if (!members_started_ && !coordinator.empty()) {
      started = StartMembers(coordinator);
      poller_ = std::make_unique<StatusPoller>(coordinator, options_.poll_interval);
    }
  }
  return {.exit_code = kExitFailure, .message = std::string(started.message())};
}

absl::Status LocalCluster::Start(DaemonRole role, const std::string& name,
                                 std::vector<std::string> args) {
  const bool worker = role == DaemonRole::kWorker;
  ASSIGN_OR_RETURN(
      auto process,
      ChildProcess::Start({.name = name,
                           .program = worker ? options_.worker_program : options_.server_program,
                           .args = std::move(args),
                           .log_file = absl::StrCat(options_.log_dir, "/", name, ".log")}));
  daemons_.push_back({.role = role, .process = std::move(process)});
  return absl::OkStatus();
}

absl::Status LocalCluster::StartMembers(const std::string& coordinator) {
  members_started_ = true;
  const auto member_args = [&](const std::string& name) -> std::vector<std::string> {
    return {"--coordinator", coordinator, "--listen", "127.0.0.1:0", "--name", name};
  };
  for (uint32_t i = 0; i < options_.servers; ++i) {
    const std::string name = absl::StrCat("server-", i);
    std::vector<std::string> args = member_args(name);
    args.insert(args.begin(), {"--role", "shard_host"});
    RETURN_IF_ERROR(Start(DaemonRole::kServer, name, std::move(args)));
  }
  for (uint32_t i = 0; i < options_.workers; ++i) {
    const std::string name = absl::StrCat("worker-", i);
    RETURN_IF_ERROR(Start(DaemonRole::kWorker, name, member_args(name)));
  }
  if (options_.slow_worker > 1) {
    Daemon& last = daemons_.back();
    ASSIGN_OR_RETURN(last.slow, SlowProcess::Start(last.process->pid(), options_.slow_worker));
  }
  return absl::OkStatus();
}

std::string LocalCluster::CoordinatorAddress() const { return daemons_[0].process->address(); }

int LocalCluster::Wait(absl::Duration timeout) {
  std::vector<pollfd> waited = {{.fd = signals_.fd(), .events = POLLIN}};
  if (poller_ != nullptr && !stopping_) {
    waited.push_back({.fd = poller_->fd(), .events = POLLIN});
  }
  for (const Daemon& daemon : daemons_)
    waited.push_back({.fd = daemon.process->output_fd(), .events = POLLIN});
  const absl::Duration ceiling = absl::Ceil(timeout, absl::Milliseconds(1));
  poll(waited.data(), waited.size(), static_cast<int>(absl::ToInt64Milliseconds(ceiling)));
  const int signal = signals_.Take();
  for (const Daemon& daemon : daemons_) daemon.process->ReadOutput();
  NoteEnds();
  NoteStatus();
  return signal;
}

void LocalCluster::NoteEnds() {
  for (Daemon& daemon : daemons_) {
    if (daemon.ended_at.has_value() || !daemon.process->PollEnd()) continue;
    daemon.ended_at = clock_.SinceBoot();
    if (stopping_ || daemon.process->succeeded()) continue;
    options_.on_event(absl::StrCat(Who(*daemon.process), " ", daemon.process->HowItEnded()));
  }
}

void LocalCluster::NoteStatus() {
  // While daemons are being stopped their loss is no news.
  if (poller_ == nullptr || stopping_) return;
  std::optional<v1::ClusterStatus> status = poller_->Take();
  if (!status.has_value()) return;
  heard_at_ = clock_.SinceBoot();
  status_ = std::move(status);
  options_.on_status(*status_);
}

RunView LocalCluster::View() const {
  const absl::Duration now = clock_.SinceBoot();
  RunView view{.silence = now - heard_at_, .grace = options_.grace};
  if (status_.has_value()) view.job = status_->job();
  for (const Daemon& daemon : daemons_) {
    const ChildProcess& process = *daemon.process;
    view.daemons.push_back(
        {.role = daemon.role,
         .who = Who(process),
         .ready = !process.address().empty(),
         .ended = process.ended(),
         .how = process.ended() ? process.HowItEnded() : "",
         .exit_code = process.ended() ? process.exit_code() : 0,
         .ended_for = process.ended() ? now - *daemon.ended_at : absl::ZeroDuration()});
  }
  return view;
}

void LocalCluster::Stop() {
  stopping_ = true;
  for (const Daemon& daemon : daemons_) daemon.process->Signal(SIGTERM);
  const absl::Duration deadline = clock_.SinceBoot() + options_.stop_grace;
  while (AnyRunning()) {
    const absl::Duration left = deadline - clock_.SinceBoot();
    if (left <= absl::ZeroDuration() || Wait(std::min(left, kTick)) != 0) break;
  }
  for (const Daemon& daemon : daemons_) {
    if (daemon.process->ended()) continue;
    options_.on_event(absl::StrCat(Who(*daemon.process), " does not stop and is killed"));
    daemon.process->Signal(SIGKILL);
  }
  while (AnyRunning()) Wait(kTick);
}

bool LocalCluster::AnyRunning() const {
  return std::any_of(daemons_.begin(), daemons_.end(),
                     [](const Daemon& daemon) { return !daemon.process->ended(); });
}

std::string LocalCluster::Details() const {
  std::string details;
  for (const Daemon& daemon : daemons_) {
    const ChildProcess& process = *daemon.process;
    if (process.ended() ? process.succeeded() : !process.address().empty()) continue;
    const std::string tail = process.LogTail();
    if (tail.empty()) continue;
    absl::StrAppend(&details, "last lines of ", options_.log_dir, "/", process.name(), ".log:\n",
                    tail);
  }
  return details;
}

}  // namespace paramd
