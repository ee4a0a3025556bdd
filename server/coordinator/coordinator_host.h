#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/base/thread.h"
#include "paramd/v1/config.pb.h"
#include "paramd/v1/coordinator.pb.h"
#include "paramd/v1/status.pb.h"
#include "server/coordinator/checkpoint_files.h"
#include "server/coordinator/coordinator.h"
#include "server/coordinator/election.h"
#include "server/coordinator/etcd_client.h"

namespace paramd {

// What a program exits with that Coordinator::Start, or what is made of it, has refused.
int ExitCodeOfStart(const absl::Status& status);

// The coordinator of this process. With the file store it is there from the start on. With etcd it
// is there while this process leads: it is started when the process is elected and ended when it is
// deposed; the process then stands by again. Thread-safe.
class CoordinatorHost {
 public:
  struct Options {
    v1::Config config;
    // As Coordinator::Options.
    std::function<absl::Status(const v1::ShardMap&, const std::string& path)> save_model;
    std::shared_ptr<CheckpointFiles> checkpoints;
    // How the job ended, or why it cannot be led by this process; at most once, on the host's
    // thread.
    std::function<void(v1::JobUpdate)> on_end;
    Clock* clock = &Clock::System();
  };

  // With the file store as Coordinator::Start; with etcd it does not wait for anything.
  static absl::StatusOr<std::unique_ptr<CoordinatorHost>> Start(Options options);
  ~CoordinatorHost();

  // Others reach the process at `address`: with etcd it stands for election from now on. Once,
  // before the calls below.
  void Open(const std::string& address);

  // The coordinator, which may be deposed at any time. UNAVAILABLE: StandingBy. It is shared
  // because streams may be open when it is deposed.
  absl::StatusOr<std::shared_ptr<Coordinator>> Find();

  // Of the cluster; UNAVAILABLE: StandingBy.
  absl::StatusOr<v1::ClusterStatus> Status();
  // host:port of the coordinator that leads; empty: it is not known, or there is only this one.
  std::string leader();

  // Ends the job as failed, if this process leads.
  void Abort(const std::string& reason);
  // As Coordinator.
  void CloseConnections(absl::Duration timeout);
  // No election, no decision after it. Also done by the destructor.
  void Shutdown();

 private:
  explicit CoordinatorHost(Options options);

  // Stands by and leads, again and again, until the job ends or Shutdown.
  void RunCandidate(Election& election);
  absl::StatusOr<std::shared_ptr<Coordinator>> Lead(Election& election, uint64_t term);
  // Blocks until the job has ended, and says so. False: the coordinator was deposed, or Shutdown.
  bool Finish(Coordinator& coordinator);
  // As Find, without regard to whether it rests; null: this process stands by.
  std::shared_ptr<Coordinator> Current();
  Election* election();
  absl::Status Refusal();
  // Makes way for the one that leads now.
  void StandBy();
  // Waits before something is tried again. False after Shutdown.
  bool Pause();

  const Options options_;
  // Null with the file store.
  std::shared_ptr<EtcdClient> etcd_;

  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  // Null: this process stands by.
  std::shared_ptr<Coordinator> coordinator_ ABSL_GUARDED_BY(mutex_);
  // Null before Open, and with the file store. Outlives the thread.
  std::unique_ptr<Election> election_ ABSL_GUARDED_BY(mutex_);
  std::optional<Thread> thread_;
};

}  // namespace paramd
