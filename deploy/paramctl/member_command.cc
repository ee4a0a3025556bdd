#include "deploy/paramctl/member_command.h"

#include <poll.h>
#include <signal.h>

#include <iostream>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/base/exit_code.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/config/flags.h"
#include "common/process/signals.h"
#include "common/rpc/coordinator_addresses.h"
#include "deploy/paramctl/admin_client.h"
#include "deploy/paramctl/child_process.h"
#include "deploy/paramctl/default_coordinator.h"
#include "deploy/paramctl/find_program.h"
#include "deploy/paramctl/status_client.h"

namespace paramd {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(5);
constexpr absl::Duration kPause = absl::Milliseconds(200);

const char* NameOf(v1::Role role) { return role == v1::WORKER ? "worker" : "server"; }

// The last member of the role and name; null: there is none.
const v1::MemberStatus* Find(const v1::ClusterStatus& status, v1::Role role,
                             const std::string& name) {
  const v1::MemberStatus* found = nullptr;
  for (const v1::MemberStatus& member : role == v1::WORKER ? status.workers() : status.servers()) {
    if (member.name() == name) found = &member;
  }
  return found;
}

bool IsLive(const v1::MemberStatus& member) {
  return member.state() == v1::MemberStatus::ALIVE ||
         member.state() == v1::MemberStatus::DISCONNECTED;
}

int Unreachable(const absl::Status& status) {
  std::cerr << "paramctl: no answer from " << status.message() << "\n";
  return kExitUnreachable;
}

// Says what is left of a drained member whenever that changes, until it has left.
int WaitUntilLeft(const CoordinatorAddresses& coordinators, v1::Role role,
                  const std::string& name) {
  StatusClient client(coordinators);
  Signals signals;
  std::string last;
  while (true) {
    const absl::StatusOr<v1::ClusterStatus> status = client.Get(kTimeout);
    if (!status.ok()) return Unreachable(status.status());
    const v1::MemberStatus* const member = Find(*status, role, name);
    if (member == nullptr || member->state() == v1::MemberStatus::LEFT) {
      std::cout << NameOf(role) << " " << name << " has left" << std::endl;
      return kExitDone;
    }
    if (member->state() == v1::MemberStatus::LOST || status->job().state() != v1::RUNNING) {
      std::cerr << "paramctl: " << NameOf(role) << " " << name
                << (member->state() == v1::MemberStatus::LOST ? " was lost" : ": the job has ended")
                << " before it had left\n";
      return kExitFailure;
    }
    const std::string left = role == v1::WORKER
                                 ? absl::StrCat("it is ", member->worker().activity())
                                 : absl::StrCat(member->shards(), " shards are left");
    if (left != last) std::cout << NameOf(role) << " " << name << ": " << left << std::endl;
    last = left;
    if (signals.WaitFor(kPause) != 0) {
      std::cerr << "paramctl: " << name << " goes on leaving\n";
      return kExitFailure;
    }
  }
}

int Drain(v1::Role role, absl::Span<const std::string> args) {
  std::string coordinator = DefaultCoordinator();
  v1::DrainRequest request;
  request.set_role(role);
  Flags flags(absl::StrCat("paramctl ", NameOf(role), " drain"),
              role == v1::WORKER
                  ? "lets a worker end the work that it has, and then leave."
                  : "moves a server's shards to the others, and then lets it leave.");
  flags.Argument("NAME", absl::StrCat("of the ", NameOf(role)), *request.mutable_name());
  AddCoordinatorFlag(flags, coordinator);
  if (const auto exit_code = flags.ParseOrExitCode(args)) return *exit_code;
  std::optional<CoordinatorAddresses> coordinators = ParseCoordinators(coordinator);
  if (!coordinators.has_value()) return kExitUsage;
  v1::DrainReply reply;
  const absl::Status status =
      AskAdmin(*coordinators, [&](v1::AdminService::Stub& stub, grpc::ClientContext* context) {
        return stub.Drain(context, request, &reply);
      });
  if (!status.ok()) return ExitCodeOfAdmin(status);
  return WaitUntilLeft(*coordinators, role, request.name());
}

// One more member, from its start until it has what it is to have.
class Addition {
 public:
  Addition(v1::Role role) : role_(role) {}

  std::optional<int> ParseOrExitCode(absl::Span<const std::string> args) {
    const bool server = role_ == v1::SHARD_HOST;
    Flags flags(
        absl::StrCat("paramctl ", NameOf(role_), " add"),
        absl::StrCat("starts one more ", NameOf(role_), " on this machine, for a job that runs."));
    AddCoordinatorFlag(flags, coordinator_);
    flags.String("name", "NAME", absl::StrCat("unique among the ", NameOf(role_), "s"), name_);
    flags.String("listen", "HOST:PORT", "where it listens", listen_);
    if (server) {
      flags.String("advertise", "HOST:PORT", "how others reach it, if not where it listens",
                   advertise_);
      flags.String("zone", "NAME", "rack or availability zone, by default the host", zone_);
    }
    flags.String("log_dir", "DIR", "folder for its log, NAME.log", log_dir_);
    flags.String("bin_dir", "DIR", "folder with the programs, instead of where this one is",
                 bin_dir_);
    return flags.ParseOrExitCode(args);
  }

  int Run() {
    const std::optional<CoordinatorAddresses> coordinators = ParseCoordinators(coordinator_);
    if (!coordinators.has_value()) return kExitUsage;
    StatusClient client(*coordinators);
    const absl::StatusOr<v1::ClusterStatus> status = client.Get(kTimeout);
    if (!status.ok()) return Unreachable(status.status());
    if (name_.empty()) name_ = FreeName(*status);
    if (const absl::Status started = Start(); !started.ok()) {
      std::cerr << "paramctl: " << started.message() << "\n";
      return kExitFailure;
    }
    return WaitUntilThere(*coordinators);
  }

 private:
  std::string FreeName(const v1::ClusterStatus& status) const {
    for (int i = 0;; ++i) {
      std::string name = absl::StrCat(NameOf(role_), "-", i);
      if (Find(status, role_, name) == nullptr) return name;
    }
  }

  absl::Status Start() {
    const bool worker = role_ == v1::WORKER;
    ASSIGN_OR_RETURN(const std::string program,
                     FindProgram(bin_dir_, NameOf(role_), absl::StrCat("paramd_", NameOf(role_))));
    RETURN_IF_ERROR(MakeDirectories(log_dir_));
    std::vector<std::string> args = {"--coordinator", coordinator_, "--name",
                                     name_,           "--listen",   listen_};
    if (!worker) args.insert(args.end(), {"--role", "shard_host"});
    if (!advertise_.empty()) args.insert(args.end(), {"--advertise", advertise_});
    if (!zone_.empty()) args.insert(args.end(), {"--zone", zone_});
    ASSIGN_OR_RETURN(process_, ChildProcess::Start({.name = name_,
                                                    .program = program,
                                                    .args = std::move(args),
                                                    .log_file = JoinPath(log_dir_, name_ + ".log"),
                                                    .stays = true}));
    return absl::OkStatus();
  }

  int WaitUntilThere(const CoordinatorAddresses& coordinators) {
    StatusClient client(coordinators);
    Signals signals;
    bool ready = false;
    while (true) {
      process_->ReadOutput();
      if (process_->PollEnd()) {
        std::cerr << "paramctl: " << name_ << " " << process_->HowItEnded() << "\n"
                  << process_->LogTail();
        return kExitFailure;
      }
      if (!ready && !process_->address().empty()) {
        ready = true;
        std::cout << NameOf(role_) << " " << name_ << " (pid " << process_->pid() << ") at "
                  << process_->address() << std::endl;
      }
      if (ready && IsThere(client, coordinators)) return kExitDone;
      if (signals.WaitFor(kPause) != 0) {
        process_->Signal(SIGTERM);
        return kExitFailure;
      }
    }
  }

  // Whether it has joined, and nothing more moves to it; says so.
  bool IsThere(StatusClient& client, CoordinatorAddresses coordinators) {
    const absl::StatusOr<v1::ClusterStatus> status = client.Get(kTimeout);
    if (!status.ok()) return false;
    const v1::MemberStatus* const member = Find(*status, role_, name_);
    if (member == nullptr || !IsLive(*member) ||
        member->pid() != static_cast<uint32_t>(process_->pid())) {
      return false;
    }
    if (role_ == v1::WORKER || status->job().state() != v1::RUNNING) {
      std::cout << NameOf(role_) << " " << name_ << " has joined" << std::endl;
      return true;
    }
    v1::ShardPlan plan;
    const absl::Status asked =
        AskAdmin(coordinators, [&](v1::AdminService::Stub& stub, grpc::ClientContext* context) {
          return stub.PlanShards(context, v1::PlanShardsRequest(), &plan);
        });
    for (const v1::ShardMove& move : plan.moves()) {
      if (move.to() == name_) return false;
    }
    if (!asked.ok()) return false;
    std::cout << "server " << name_ << " has joined, and has " << member->shards() << " shards"
              << std::endl;
    return true;
  }

  const v1::Role role_;
  std::string coordinator_ = DefaultCoordinator();
  std::string name_, advertise_, zone_, bin_dir_;
  std::string listen_ = "127.0.0.1:0";
  std::string log_dir_ = ".";
  std::unique_ptr<ChildProcess> process_;
};

int Add(v1::Role role, absl::Span<const std::string> args) {
  Addition addition(role);
  if (const auto exit_code = addition.ParseOrExitCode(args)) return *exit_code;
  return addition.Run();
}

}  // namespace

int RunServerDrain(absl::Span<const std::string> args) { return Drain(v1::SHARD_HOST, args); }
int RunWorkerDrain(absl::Span<const std::string> args) { return Drain(v1::WORKER, args); }
int RunServerAdd(absl::Span<const std::string> args) { return Add(v1::SHARD_HOST, args); }
int RunWorkerAdd(absl::Span<const std::string> args) { return Add(v1::WORKER, args); }

}  // namespace paramd
