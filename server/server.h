#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/rpc/completion_loop.h"
#include "common/rpc/daemon_server.h"
#include "common/rpc/member_session.h"
#include "paramd/v1/config.pb.h"
#include "server/coordinator/admin_service.h"
#include "server/coordinator/coordinator_host.h"
#include "server/coordinator/coordinator_service.h"
#include "server/engine/engine.h"
#include "server/rpc/parameter_service.h"
#include "server/rpc/replica_service.h"

namespace paramd {

// The server daemon: the coordinator, a shard host, or both.
class Server {
 public:
  struct Options {
    // Set: runs the coordinator, with this configuration.
    std::optional<v1::Config> config;
    bool shard_host = true;
    // Shard host: where the coordinator is, "host:port" or several with commas between them.
    // Without one it is this process, or whoever leads in its stead.
    std::string coordinator;
    std::string name;
    // Where a shard host without coordinator listens; a coordinator listens where its configuration
    // says.
    std::string listen = "127.0.0.1:0";
    // How others reach this process; by default where it listens.
    std::string advertise;
    // Where this shard host fails together with others; empty: its host.
    std::string zone;
    Clock* clock = &Clock::System();
  };

  static absl::StatusOr<std::unique_ptr<Server>> Start(Options options);
  ~Server();

  const std::string& address() const { return daemon_->address(); }
  // "coordinator,shard_host" or one of them.
  std::string roles() const;

  // Blocks until the job has ended and the time to linger is over, or this shard host was drained,
  // or Stop; answers the exit code.
  int Run();

  // Makes Run return soon. A coordinator fails a job that is still running; a shard host leaves the
  // cluster. Thread-safe.
  void Stop(const std::string& reason);

 private:
  explicit Server(Options options);

  absl::Status StartCoordinator();
  void MakeEngine();
  absl::Status Listen();
  std::string ReachedAt() const;
  absl::Status JoinCluster();
  void OnMessage(const v1::CoordinatorMessage& message);
  // Takes over views one after the other, on a thread of its own: it may take long, and heartbeats
  // go on meanwhile.
  void ApplyViews();
  void ApplyView(const v1::ClusterView& view);
  // Tells the coordinator and the engine what the log on this disk holds. Once.
  void SetLog(const v1::Log& log) ABSL_LOCKS_EXCLUDED(mutex_);
  // Makes the shards of the first view begin with model.init, if it is set.
  absl::Status LoadInitialModel(const v1::ClusterView& view);
  // The job cannot go on.
  void Fail(const std::string& message, int exit_code);
  void End(v1::JobUpdate how);
  v1::DaemonStatus Status();

  const Options options_;
  // cluster.server.memory; 0: what the machine allows.
  std::atomic<uint64_t> memory_{0};
  // Of the streams to backups; outlives the engine, which has them.
  std::optional<CompletionLoop> replica_loop_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<CoordinatorHost> coordinator_;
  std::unique_ptr<CoordinatorServiceImpl> coordinator_service_;
  std::unique_ptr<AdminServiceImpl> admin_service_;
  std::unique_ptr<ParameterServiceImpl> parameter_service_;
  std::unique_ptr<ReplicaServiceImpl> replica_service_;
  std::unique_ptr<DaemonServer> daemon_;
  std::unique_ptr<MemberSession> session_;

  Mutex mutex_;
  CondVar changed_;
  std::string address_ ABSL_GUARDED_BY(mutex_);
  absl::Duration linger_ ABSL_GUARDED_BY(mutex_) = absl::ZeroDuration();
  std::string init_ ABSL_GUARDED_BY(mutex_);  // model.init
  uint32_t id_ ABSL_GUARDED_BY(mutex_) = 0;
  bool log_set_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t view_version_ ABSL_GUARDED_BY(mutex_) = 0;
  std::optional<v1::JobUpdate> end_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<v1::ClusterView> views_ ABSL_GUARDED_BY(mutex_);
  bool views_end_ ABSL_GUARDED_BY(mutex_) = false;
  // The thread below only.
  bool initial_model_loaded_ = false;
  std::optional<Thread> views_thread_;
};

}  // namespace paramd
