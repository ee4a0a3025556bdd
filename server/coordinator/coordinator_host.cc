#include "server/coordinator/coordinator_host.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/exit_code.h"
#include "common/base/status_macros.h"
#include "common/config/duration.h"
#include "common/rpc/coordinator_addresses.h"
#include "server/coordinator/etcd_store.h"
#include "server/coordinator/file_store.h"

namespace paramd {
namespace {

constexpr absl::Duration kTryAgain = absl::Milliseconds(200);
constexpr absl::Duration kGoodbyeTimeout = absl::Seconds(2);

// A lease goes on when one call in it fails.
absl::Duration CallTimeout(const v1::Config& config) {
  return std::clamp(ToDuration(config.cluster().heartbeat().lease()) / 3, absl::Milliseconds(200),
                    absl::Seconds(2));
}

std::string Prefix(const v1::Config& config) {
  return absl::StrCat(config.cluster().coordinator().store().prefix(), config.cluster().name(),
                      "/");
}

std::shared_ptr<EtcdClient> MakeClient(const v1::Config& config) {
  const v1::Store& store = config.cluster().coordinator().store();
  if (store.type() != v1::Store::ETCD) return nullptr;
  return std::make_shared<EtcdClient>(
      std::vector<std::string>(store.endpoints().begin(), store.endpoints().end()),
      CallTimeout(config));
}

v1::JobUpdate Failed(const absl::Status& status) {
  v1::JobUpdate end;
  end.set_state(v1::FAILED);
  end.set_message(std::string(status.message()));
  end.set_exit_code(ExitCodeOfStart(status));
  return end;
}

// Whether another attempt to start may go better.
bool MayPass(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsAborted(status);
}

}  // namespace

int ExitCodeOfStart(const absl::Status& status) {
  // What Start refuses is in the data files, or in the way of starting.
  return absl::IsInvalidArgument(status) || absl::IsNotFound(status) ? kExitBadData : kExitFailure;
}

absl::StatusOr<std::unique_ptr<CoordinatorHost>> CoordinatorHost::Start(Options options) {
  std::unique_ptr<CoordinatorHost> host(new CoordinatorHost(std::move(options)));
  if (host->etcd_ != nullptr) return host;
  const v1::Config& config = host->options_.config;
  ASSIGN_OR_RETURN(std::unique_ptr<FileStore> store,
                   FileStore::Open(config.cluster().coordinator().store().dir()));
  ASSIGN_OR_RETURN(std::shared_ptr<Coordinator> coordinator,
                   Coordinator::Start({.config = config,
                                       .store = std::move(store),
                                       .save_model = host->options_.save_model,
                                       .checkpoints = host->options_.checkpoints,
                                       .clock = host->options_.clock}));
  MutexLock lock(host->mutex_);
  host->coordinator_ = std::move(coordinator);
  return host;
}

CoordinatorHost::CoordinatorHost(Options options)
    : options_(std::move(options)), etcd_(MakeClient(options_.config)) {}

CoordinatorHost::~CoordinatorHost() { Shutdown(); }

void CoordinatorHost::Open(const std::string& address) {
  if (etcd_ == nullptr) {
    thread_.emplace("job", [this, coordinator = *Find()] { Finish(*coordinator); });
    return;
  }
  MutexLock lock(mutex_);
  election_ = std::make_unique<Election>(
      etcd_, Election::Options{.key = Prefix(options_.config) + "leader",
                               .address = address,
                               .lease = ToDuration(options_.config.cluster().heartbeat().lease()),
                               .clock = options_.clock});
  thread_.emplace("job", [this, election = election_.get()] { RunCandidate(*election); });
}

void CoordinatorHost::RunCandidate(Election& election) {
  while (const std::optional<uint64_t> term = election.WaitUntilElected()) {
    const absl::StatusOr<std::shared_ptr<Coordinator>> coordinator = Lead(election, *term);
    if (coordinator.ok()) {
      if (Finish(**coordinator)) return;
      StandBy();
    } else if (!MayPass(coordinator.status())) {
      options_.on_end(Failed(coordinator.status()));
      return;
    } else {
      spdlog::warn("this process cannot lead yet: {}", coordinator.status().ToString());
      if (!Pause()) return;
    }
  }
}

absl::StatusOr<std::shared_ptr<Coordinator>> CoordinatorHost::Lead(Election& election,
                                                                   uint64_t term) {
  ASSIGN_OR_RETURN(
      std::shared_ptr<Coordinator> coordinator,
      Coordinator::Start({.config = options_.config,
                          .store = std::make_unique<EtcdStore>(etcd_, Prefix(options_.config)),
                          .save_model = options_.save_model,
                          .checkpoints = options_.checkpoints,
                          .leads = [&election, term] { return election.Check(term); },
                          .stood_by_since = election.first_revision(),
                          .clock = options_.clock}));
  MutexLock lock(mutex_);
  if (stopping_) return absl::UnavailableError("it ends");
  spdlog::info("this coordinator leads");
  return coordinator_ = std::move(coordinator);
}

bool CoordinatorHost::Finish(Coordinator& coordinator) {
  const std::optional<v1::JobStatus> job = coordinator.WaitUntilFinished();
  if (!job.has_value()) return false;
  v1::JobUpdate end;
  end.set_state(job->state());
  end.set_message(job->message());
  end.set_exit_code(job->exit_code());
  options_.on_end(std::move(end));
  return true;
}

void CoordinatorHost::StandBy() {
  std::shared_ptr<Coordinator> deposed;
  {
    MutexLock lock(mutex_);
    // Shutdown ends it.
    if (stopping_) return;
    deposed = std::exchange(coordinator_, nullptr);
  }
  deposed->CloseConnections(kGoodbyeTimeout);
  deposed->Shutdown();
  spdlog::warn("this coordinator stands by");
}

bool CoordinatorHost::Pause() {
  MutexLock lock(mutex_);
  if (!stopping_) changed_.WaitFor(mutex_, kTryAgain);
  return !stopping_;
}

std::shared_ptr<Coordinator> CoordinatorHost::Current() {
  MutexLock lock(mutex_);
  return coordinator_;
}

Election* CoordinatorHost::election() {
  MutexLock lock(mutex_);
  return election_.get();
}

absl::Status CoordinatorHost::Refusal() {
  Election* const vote = election();
  return StandingBy(leader(), vote == nullptr ? "" : vote->problem());
}

absl::StatusOr<std::shared_ptr<Coordinator>> CoordinatorHost::Find() {
  std::shared_ptr<Coordinator> coordinator = Current();
  if (coordinator == nullptr) return Refusal();
  if (const std::string why = coordinator->rests(); !why.empty()) return StandingBy("", why);
  return coordinator;
}

absl::StatusOr<v1::ClusterStatus> CoordinatorHost::Status() {
  const std::shared_ptr<Coordinator> coordinator = Current();
  if (coordinator == nullptr) return Refusal();
  return coordinator->Status();
}

std::string CoordinatorHost::leader() {
  Election* const vote = election();
  return vote == nullptr ? "" : vote->leader();
}

void CoordinatorHost::Abort(const std::string& reason) {
  if (const auto coordinator = Current()) coordinator->Abort(reason);
}

void CoordinatorHost::CloseConnections(absl::Duration timeout) {
  if (const auto coordinator = Current()) coordinator->CloseConnections(timeout);
}

void CoordinatorHost::Shutdown() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  if (Election* const vote = election()) vote->Stop();
  if (const auto coordinator = Current()) coordinator->Shutdown();
  thread_.reset();
  // What was decided is stored: another one may lead.
  std::unique_ptr<Election> done;
  MutexLock lock(mutex_);
  done.swap(election_);
}

}  // namespace paramd
