#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/rpc/daemon_server.h"
#include "common/rpc/member_session.h"
#include "paramd/v1/config.pb.h"
#include "worker/client/parameter_client.h"
#include "worker/data/batch.h"
#include "worker/data/batch_cache.h"
#include "worker/inbox.h"
#include "worker/model/model.h"
#include "worker/trainer/progress.h"

namespace paramd {

// The worker daemon: joins the cluster, gets the configuration from the coordinator, and does what
// it is given to do until the job ends.
class Worker {
 public:
  struct Options {
    // host:port, or several with commas between them.
    std::string coordinator;
    std::string name;
    // Where status requests are answered.
    std::string listen = "127.0.0.1:0";
    Clock* clock = &Clock::System();
  };

  static absl::StatusOr<std::unique_ptr<Worker>> Start(Options options);
  ~Worker();

  const std::string& address() const { return server_->address(); }

  // Blocks until the job has ended, here (also because the worker was drained) or everywhere;
  // answers the exit code. Call once.
  int Run();

  // Makes Run return: the worker leaves the cluster and others finish its work. Thread-safe.
  void Stop(const std::string& reason);

 private:
  explicit Worker(Options options);

  absl::Status Work();
  absl::Status PrepareModel(const v1::Config& config);
  int ExitCodeOf(const absl::Status& status) const;
  // The client for the current shard map.
  void Connect(const v1::ClusterView& view);
  // The client, if there is one, is to know it.
  void AnnounceMap(const v1::ShardMap& map) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Do(const v1::WorkGrant& grant);
  absl::Status Measure(const v1::WorkGrant& grant);
  // What has to be done once before the model is used, when the view says what the data are.
  absl::Status BeginModel();
  absl::Status Train(const v1::WorkGrant& grant);
  // The answer to a work request of a worker that trains: what it goes on with.
  std::optional<v1::WorkGrant> TakeAnswer();
  absl::Status EvaluateModel(const v1::WorkGrant& grant);
  void SendIdle();
  void OnSessionEnded(const absl::Status& status);
  void ShutdownClient(const absl::Status& status);
  v1::DaemonStatus Status();

  const Options options_;
  uint64_t incarnation_ = 0;
  Progress progress_;
  Inbox inbox_;
  std::unique_ptr<DaemonServer> server_;
  std::unique_ptr<MemberSession> session_;

  // Set once the coordinator has said who we are; used by the thread of Run.
  v1::Config config_;
  // With the scales of the columns from BeginModel on.
  DatasetShape shape_;
  std::unique_ptr<BatchCache> cache_;  // null: data.cache is absent
  std::unique_ptr<Model> model_;
  bool begun_ = false;
  // An evaluation that was granted while the worker trained, for when it has left the clocks. Set
  // by the reader of Train.
  std::optional<v1::WorkGrant> evaluation_;
  // Work requests so far; only the reader of the current Train counts.
  uint64_t requests_ = 0;

  Mutex mutex_;
  std::string address_ ABSL_GUARDED_BY(mutex_);
  uint32_t id_ ABSL_GUARDED_BY(mutex_) = 0;
  // Replaced only by the thread of Run; shut down by others.
  std::unique_ptr<ParameterClient> client_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace paramd
