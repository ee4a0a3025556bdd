#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/base/buffer.h"
#include "common/base/mutex.h"
#include "common/rpc/channel.h"
#include "common/rpc/completion_loop.h"
#include "paramd/v1/config.pb.h"
#include "paramd/v1/coordinator.pb.h"
#include "worker/client/row_decoder.h"
#include "worker/client/row_plan.h"
#include "worker/client/server_link.h"

namespace paramd {

// Pulls and pushes rows of the tables of one shard map. Knows no model. One thread at a time calls
// it, as operations reach a server in the order of the calls; Shutdown may come from any thread.
class ParameterClient {
 public:
  struct Options {
    // Given by the coordinator.
    uint32_t client = 0;
    uint64_t incarnation = 0;
    v1::ShardMap shard_map;
    v1::Transport transport;
    // Memory for the rows of each table that are used again.
    uint64_t row_cache_bytes = 0;
  };
  // Called once, from whichever thread waits for this client or stands in for it; must not block or
  // call the client. Up to two pointers are captured without an allocation.
  using Done = absl::AnyInvocable<void(absl::Status)>;

  explicit ParameterClient(Options options);
  ~ParameterClient();

  // Takes part in the clocks of every server. Blocks; answers the clock that the client begins at.
  absl::StatusOr<uint64_t> Attach();
  // Leaves the clocks of every server; nobody waits for this client any more. Blocks.
  absl::Status Detach();

  // How the rows of ascending, unique `keys` of table `table` (its index in the shard map) are
  // pulled and pushed; of a dense table (no keys), all its rows.
  std::shared_ptr<const RowPlan> Plan(uint32_t table, absl::Span<const uint64_t> keys);

  // Rows to values[plan.rows * dim], which is the caller's until `done`. With a clock the pull
  // waits as the table's consistency mode says; without one it does not.
  void Pull(std::shared_ptr<const RowPlan> plan, std::optional<uint64_t> clock,
            absl::Span<float> values, Done done, std::atomic<uint64_t>* min_clock = nullptr);

  // Plan and Pull at once: the first rows are on their way while the last ones are planned.
  // `min_clock`, unless null, is lowered to the smallest clock that a server answered with, before
  // `done` and only when all is well; it lives until then.
  std::shared_ptr<const RowPlan> PlanAndPull(uint32_t table, absl::Span<const uint64_t> keys,
                                             std::optional<uint64_t> clock,
                                             absl::Span<float> values, Done done,
                                             std::atomic<uint64_t>* min_clock = nullptr);

  // Gradients of one table: float32[plan.rows][dim]. They must not change any more: what is sent
  // refers to them.
  struct TableGradients {
    std::shared_ptr<const RowPlan> plan;
    Buffer values;
  };
  // Pushes the gradients of step `clock`, the mean over `examples` examples, and finishes the step
  // on every server. `done` comes when every server has acknowledged.
  void PushStep(uint64_t clock, uint64_t examples, absl::Span<const TableGradients> gradients,
                Done done);

  // From Hold to Flush small pulls may wait for what follows to the same server, to go out
  // together. (The operations of one PushStep do so without being asked.)
  void Hold();
  void Flush();

  // Blocks until done(), which becomes true by some Done; drives the connections meanwhile. As
  // CompletionLoop::Wait.
  void Wait(const std::function<bool()>& done) { loop_.Wait(done); }

  // Fails everything that is open and that comes later.
  void Shutdown(const absl::Status& status);

  // How pulls wait was changed on the running cluster: takes over how long rows may be used again.
  // `map` has the same tables and epoch as this client's.
  void Update(const v1::ShardMap& map);

  const v1::ShardMap& shard_map() const { return options_.shard_map; }

  // Bytes of all messages to and from the servers. Thread-safe.
  uint64_t bytes_sent() const;
  uint64_t bytes_received() const;

 private:
  class Call;
  class PullCall;
  class PushCall;
  class BroadcastCall;
  struct Table;

  Operation Prepare(OperationKind kind);
  // Sends one operation without content to every server and waits for the answers.
  absl::StatusOr<uint64_t> Broadcast(OperationKind kind, uint64_t clock);
  // One of the free calls, or a new one.
  template <typename T>
  T* NewCall(std::vector<std::unique_ptr<T>> ParameterClient::*free) ABSL_LOCKS_EXCLUDED(mutex_);
  // Sends parts [first, last) of the call's plan.
  void SendPulls(PullCall* call, std::optional<uint64_t> clock, size_t first, size_t last);
  // A plan of a sparse table that nobody uses.
  std::shared_ptr<RowPlan> FreePlan(Table& table);
  // Reads the rows that are fresh enough at `clock`, and returns a plan for the others; null: there
  // are none.
  std::shared_ptr<const RowPlan> UseAgain(Table& table, std::shared_ptr<const RowPlan> plan,
                                          uint64_t clock, absl::Span<float> values);

  const Options options_;
  CompletionLoop loop_{"client-rpc"};
  std::vector<std::unique_ptr<Table>> tables_;
  // By server id.
  std::map<uint32_t, std::unique_ptr<ServerLink>> links_;
  uint64_t sequence_ = 0;
  // Scratch memory.
  std::vector<const void*> last_parts_;
  std::vector<uint32_t> stale_;

  // Calls that are not under way, to be used again.
  Mutex mutex_;
  std::vector<std::unique_ptr<PullCall>> free_pulls_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<PushCall>> free_pushes_ ABSL_GUARDED_BY(mutex_);
  // Used by completions only, which come one at a time.
  RowDecoder decoder_;
};

}  // namespace paramd
