#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/base/mutex.h"
#include "common/base/random.h"
#include "common/rpc/member_session.h"
#include "paramd/v1/coordinator.pb.h"
#include "tests/testing/oracle/step_log.h"
#include "worker/client/parameter_client.h"
#include "worker/inbox.h"

namespace paramd {

// A worker that learns nothing: it pushes random integers as gradients and writes down what was
// acknowledged, so that the parameters of the end can be compared with the sums. It joins like a
// real worker and keeps its first partition, hence the job in training, until it has done its
// steps. For a job with optimizer {type: sgd, learning_rate: 1}.
class OracleWorker {
 public:
  struct Options {
    std::string coordinator;  // host:port
    std::string name;
    std::string log;  // path
    uint64_t seed = 1;
    // After so many, or after Stop, it ends its partition.
    uint64_t steps = 1000;
  };

  // As of StepLog::Create.
  static absl::StatusOr<std::unique_ptr<OracleWorker>> Start(Options options);
  ~OracleWorker();

  // Blocks until the job has ended; answers the exit code. Once.
  int Run();

  // No further steps; those that are pushed are waited for. Thread-safe.
  void Stop() { stopping_ = true; }

 private:
  class Calls;

  explicit OracleWorker(Options options);

  absl::Status Work();
  void DeclareTables();
  void Connect(const v1::ClusterView& view);
  // Joins the clocks, does what is left of the steps, ends the partition and what others have
  // left, and leaves the clocks.
  absl::Status Train(const v1::WorkGrant& grant);
  absl::Status DoStep(uint64_t clock, const std::shared_ptr<Calls>& pushes);
  absl::Status Pull(uint64_t clock, uint32_t table, absl::Span<const uint64_t> keys);
  void Push(uint64_t clock, const IntegerStep& step, std::shared_ptr<Calls> pushes);
  void AnnounceMap(const v1::ShardMap& map);
  // Ends a partition; the next one, if there is one.
  std::optional<v1::WorkGrant> EndPartition(const v1::WorkGrant& grant);
  void OnMessage(const v1::CoordinatorMessage& message);
  void OnEnded(const absl::Status& status);
  void ShutdownClient(const absl::Status& status);

  const Options options_;
  uint64_t incarnation_ = 0;
  std::unique_ptr<StepLog> log_;
  Random random_;
  Inbox inbox_;
  std::unique_ptr<MemberSession> session_;
  std::atomic<bool> stopping_{false};
  std::atomic<uint64_t> clock_{0};  // of the step that it is at

  // The thread of Run only.
  v1::Welcome welcome_;
  uint64_t steps_done_ = 0;
  uint64_t requests_ = 0;

  Mutex mutex_;
  // Made once by the thread of Run; shut down by others.
  std::unique_ptr<ParameterClient> client_ ABSL_GUARDED_BY(mutex_);
  ParameterClient* used_client_ = nullptr;  // the same, for the thread of Run
};

}  // namespace paramd
