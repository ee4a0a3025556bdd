#include "server/server.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/exit_code.h"
#include "common/base/file.h"
#include "common/base/process_memory.h"
#include "common/base/status_macros.h"
#include "common/config/duration.h"
#include "common/rpc/coordinator_addresses.h"
#include "common/rpc/hello.h"
#include "server/coordinator/model_saver.h"
#include "server/disk_checkpoints.h"
#include "server/model_loader.h"
#include "server/replica/log_keeper.h"
#include "server/replica/log_scan.h"
#include "server/rpc/replica_client.h"

namespace paramd {
namespace {

constexpr absl::Duration kGoodbyeTimeout = absl::Seconds(2);

LogOptions::Sync SyncOf(v1::Log::Fsync fsync) {
  switch (fsync) {
    case v1::Log::ALWAYS:
      return LogOptions::Sync::kAlways;
    case v1::Log::NEVER:
      return LogOptions::Sync::kNever;
    default:
      return LogOptions::Sync::kInterval;
  }
}

// One for each core: operations are applied where they are received.
int StreamThreads() {
  return static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1u, 64u));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(Options options) {
  std::unique_ptr<Server> server(new Server(std::move(options)));
  if (server->options_.config.has_value()) RETURN_IF_ERROR(server->StartCoordinator());
  if (server->options_.shard_host) {
    server->MakeEngine();
  }
  RETURN_IF_ERROR(server->Listen());
  if (server->coordinator_ != nullptr) server->coordinator_->Open(server->ReachedAt());
  if (server->options_.shard_host) RETURN_IF_ERROR(server->JoinCluster());
  return server;
}

Server::Server(Options options) : options_(std::move(options)) {}

Server::~Server() {
  // From the outside in: callbacks of the first reach into the later ones.
  {
    MutexLock lock(mutex_);
    views_end_ = true;
    changed_.NotifyAll();
  }
  views_thread_.reset();
  if (engine_ != nullptr) engine_->StopReplicating();
  session_.reset();
  // Members hear how the job ended before their streams break.
  if (coordinator_ != nullptr) coordinator_->CloseConnections(kGoodbyeTimeout);
  daemon_.reset();
  coordinator_.reset();
}

absl::Status Server::StartCoordinator() {
  const v1::Config& config = *options_.config;
  std::shared_ptr<CheckpointFiles> checkpoints;
  if (config.has_checkpoint()) {
    checkpoints = std::make_shared<DiskCheckpoints>(config.checkpoint().dir(),
                                                    static_cast<int>(config.checkpoint().keep()));
  }
  ASSIGN_OR_RETURN(
      coordinator_,
      CoordinatorHost::Start(
          {.config = config,
           .save_model = [config](const v1::ShardMap& map,
                                  const std::string& path) { return SaveModel(config, map, path); },
           .checkpoints = std::move(checkpoints),
           .on_end = [this](v1::JobUpdate end) { End(std::move(end)); },
           .clock = options_.clock}));
  const FindCoordinator find = [host = coordinator_.get()] { return host->Find(); };
  coordinator_service_ = std::make_unique<CoordinatorServiceImpl>(find);
  admin_service_ = std::make_unique<AdminServiceImpl>(find);
  MutexLock lock(mutex_);
  linger_ = ToDuration(config.cluster().linger());
  return absl::OkStatus();
}

void Server::MakeEngine() {
  replica_loop_.emplace("replica-rpc");
  EngineOptions engine;
  engine.clock = options_.clock;
  engine.connect = [this](uint32_t, const std::string& address) {
    ReplicaClient::Options link;
    link.address = address;
    MutexLock lock(mutex_);
    link.self = id_;
    return std::make_unique<ReplicaClient>(*replica_loop_, std::move(link));
  };
  engine.has_lease = [this] { return session_->HasLease(); };
  engine.on_filled = [this](const v1::ShardReplica& replica) {
    v1::MemberMessage filled;
    *filled.mutable_replicas_filled()->add_shards() = replica;
    session_->Send(std::move(filled));
  };
  engine.memory = {.budget =
                       [this] {
                         const uint64_t budget = memory_.load();
                         return budget > 0 ? budget : MemoryLimit();
                       },
                   .used = ResidentBytes,
                   .clock = options_.clock};
  engine.on_released = [this](const v1::ShardsReleased& released) {
    v1::MemberMessage message;
    *message.mutable_shards_released() = released;
    session_->Send(std::move(message));
  };
  engine_ = std::make_unique<Engine>(engine);
  parameter_service_ = std::make_unique<ParameterServiceImpl>(*engine_);
  replica_service_ = std::make_unique<ReplicaServiceImpl>(*engine_);
}

absl::Status Server::Listen() {
  DaemonServer::Options daemon{.listen = options_.listen,
                               .daemon_status = [this] { return Status(); },
                               .clock = options_.clock};
  if (coordinator_ != nullptr) {
    daemon.listen = options_.config->cluster().coordinator().address();
    daemon.services.push_back(coordinator_service_.get());
    daemon.services.push_back(admin_service_.get());
    daemon.cluster_status = [this] { return coordinator_->Status(); };
    const v1::Transport& transport = options_.config->transport();
    daemon.channel = {.max_message_bytes = static_cast<int>(transport.max_message()),
                      .keepalive = ToDuration(transport.keepalive())};
  }
  if (parameter_service_ != nullptr) {
    daemon.services.push_back(parameter_service_.get());
    daemon.services.push_back(replica_service_.get());
    daemon.stream_threads = StreamThreads();
  }
  ASSIGN_OR_RETURN(daemon_, DaemonServer::Start(std::move(daemon)));
  MutexLock lock(mutex_);
  address_ = daemon_->address();
  return absl::OkStatus();
}

std::string Server::ReachedAt() const {
  return options_.advertise.empty() ? daemon_->address() : options_.advertise;
}

absl::Status Server::JoinCluster() {
  ASSIGN_OR_RETURN(CoordinatorAddresses coordinators,
                   CoordinatorAddresses::Parse(
                       options_.coordinator.empty() ? daemon_->address() : options_.coordinator));
  v1::Hello hello = MakeHello(v1::SHARD_HOST, options_.name, ReachedAt());
  hello.set_zone(options_.zone);
  session_ = std::make_unique<MemberSession>(
      MemberSession::Options{
          .coordinators = std::move(coordinators), .hello = hello, .clock = options_.clock},
      MemberSession::Callbacks{
          .on_message = [this](const v1::CoordinatorMessage& message) { OnMessage(message); },
          .report =
              [this] {
                v1::Heartbeats heartbeat;
                *heartbeat.mutable_server() = engine_->Report();
                return heartbeat;
              },
          .on_ended =
              [this](const absl::Status& status) {
                v1::JobUpdate end;
                end.set_state(v1::FAILED);
                end.set_message(std::string(status.message()));
                end.set_exit_code(kExitFailure);
                End(std::move(end));
              },
      });
  views_thread_.emplace("views", [this] { ApplyViews(); });
  session_->Start();
  return absl::OkStatus();
}

void Server::OnMessage(const v1::CoordinatorMessage& message) {
  if (message.has_welcome()) {
    engine_->SetServerId(message.welcome().id());
    memory_ = message.welcome().config().cluster().server().memory();
    const v1::Sharding& sharding = message.welcome().config().sharding();
    engine_->SetReplication(sharding.acknowledge() != v1::Sharding::PRIMARY, sharding.fill_rate());
    if (message.welcome().config().has_checkpoint()) {
      const v1::Checkpoint& checkpoint = message.welcome().config().checkpoint();
      engine_->SetCheckpoints(checkpoint.dir(), static_cast<int>(checkpoint.compression()));
    }
    if (message.welcome().config().has_log()) SetLog(message.welcome().config().log());
    MutexLock lock(mutex_);
    id_ = message.welcome().id();
    linger_ = ToDuration(message.welcome().config().cluster().linger());
    init_ = message.welcome().config().model().init();
    return;
  }
  if (message.has_job()) {
    // A coordinator goes on when it hosts no shards any more.
    if (message.job().state() != v1::RUNNING || coordinator_ == nullptr) End(message.job());
    return;
  }
  if (message.has_write_checkpoint()) {
    engine_->WriteCheckpoint(message.write_checkpoint(),
                             [this](const v1::CheckpointWritten& written) {
                               v1::MemberMessage answer;
                               *answer.mutable_checkpoint_written() = written;
                               session_->Send(std::move(answer));
                             });
    return;
  }
  if (!message.has_view()) return;
  MutexLock lock(mutex_);
  views_.push_back(message.view());
  changed_.NotifyAll();
}

void Server::SetLog(const v1::Log& log) {
  {
    MutexLock lock(mutex_);
    // Welcome comes again after each reconnect.
    if (std::exchange(log_set_, true)) return;
  }
  const std::string folder = JoinPath(log.dir(), options_.name);
  const absl::Status made = MakeDirectories(folder);
  absl::StatusOr<v1::HeldLog> held = made.ok() ? ScanLog(folder) : made;
  if (!held.ok()) {
    return Fail(absl::StrCat("log.dir: ", held.status().message(), "; to start without what is ",
                             "in it, remove ", folder),
                kExitFailure);
  }
  const LogKeeper::Options keeper = {
      .log = {.folder = folder,
              .sync = SyncOf(log.fsync()),
              .interval = ToDuration(log.interval()),
              .clock = options_.clock},
      .reach = log.fsync() == v1::Log::ALWAYS ? OperationLog::Reach::kSynced
                                              : OperationLog::Reach::kWritten,
      .max_bytes = log.max_size(),
  };
  engine_->SetLog(
      [keeper](uint64_t job, const RecordVisitor& visitor) {
        LogKeeper::Options options = keeper;
        options.job = job;
        return LogKeeper::Open(options, visitor);
      },
      *held);
  v1::MemberMessage message;
  *message.mutable_held_log() = *std::move(held);
  session_->Send(std::move(message));
}

void Server::ApplyViews() {
  while (true) {
    v1::ClusterView view;
    {
      MutexLock lock(mutex_);
      while (views_.empty() && !views_end_) changed_.Wait(mutex_);
      if (views_end_) return;
      view = std::move(views_.front());
      views_.pop_front();
    }
    ApplyView(view);
  }
}

void Server::ApplyView(const v1::ClusterView& view) {
  if (const absl::Status status = engine_->ApplyView(view); !status.ok()) {
    Fail(absl::StrCat("the view of version ", view.version(),
                      " cannot be applied: ", status.message()),
         kExitFailure);
    return;
  }
  if (const absl::Status status = LoadInitialModel(view); !status.ok()) {
    Fail(absl::StrCat("model.init: ", status.message(), " (every server reads the file itself)"),
         kExitBadConfig);
    return;
  }
  {
    MutexLock lock(mutex_);
    view_version_ = view.version();
  }
  v1::MemberMessage applied;
  applied.mutable_view_applied()->set_version(view.version());
  session_->Send(std::move(applied));
}

absl::Status Server::LoadInitialModel(const v1::ClusterView& view) {
  std::string path;
  {
    MutexLock lock(mutex_);
    path = init_;
  }
  if (path.empty() || std::exchange(initial_model_loaded_, true)) return absl::OkStatus();
  return LoadModel(path, view.shard_map(), *engine_);
}

void Server::Fail(const std::string& message, int exit_code) {
  spdlog::error("{}", message);
  v1::MemberMessage failure;
  failure.mutable_failure()->set_message(message);
  failure.mutable_failure()->set_exit_code(exit_code);
  session_->Send(std::move(failure));
}

void Server::End(v1::JobUpdate how) {
  MutexLock lock(mutex_);
  if (end_.has_value()) return;
  end_ = std::move(how);
  changed_.NotifyAll();
}

int Server::Run() {
  MutexLock lock(mutex_);
  while (!end_.has_value()) changed_.Wait(mutex_);
  if (end_->state() == v1::RUNNING) {
    spdlog::info("this server leaves: {}", end_->message());
    return end_->exit_code();
  }
  if (end_->state() == v1::FAILED) {
    spdlog::error("the job failed: {}", end_->message());
  } else {
    spdlog::info("the job is done");
  }
  const absl::Duration until = options_.clock->SinceBoot() + linger_;
  while (!stopping_) {
    const absl::Duration left = until - options_.clock->SinceBoot();
    if (left <= absl::ZeroDuration()) break;
    changed_.WaitFor(mutex_, left);
  }
  return end_->exit_code();
}

void Server::Stop(const std::string& reason) {
  if (coordinator_ != nullptr) coordinator_->Abort(reason);
  if (session_ != nullptr) session_->Leave(reason, kGoodbyeTimeout);
  if (coordinator_ != nullptr) coordinator_->CloseConnections(kGoodbyeTimeout);
  v1::JobUpdate end;
  end.set_state(v1::FAILED);
  end.set_message(reason);
  end.set_exit_code(kExitFailure);
  End(std::move(end));
  MutexLock lock(mutex_);
  stopping_ = true;
  changed_.NotifyAll();
}

std::string Server::roles() const {
  if (coordinator_ == nullptr) return "shard_host";
  return engine_ == nullptr ? "coordinator" : "coordinator,shard_host";
}

v1::DaemonStatus Server::Status() {
  v1::DaemonStatus status;
  status.set_name(options_.name);
  status.set_roles(roles());
  status.set_coordinator(coordinator_ == nullptr ? options_.coordinator : coordinator_->leader());
  if (engine_ != nullptr) *status.mutable_server() = engine_->Report();
  MutexLock lock(mutex_);
  status.set_address(address_);
  status.set_id(id_);
  status.set_view_version(view_version_);
  return status;
}

}  // namespace paramd
