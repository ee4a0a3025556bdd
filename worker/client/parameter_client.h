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
#include "worker/client/client_table.h"
#include "worker/client/row_decoder.h"
#include "worker/client/row_plan.h"
#include "worker/client/server_link.h"

namespace paramd {

// Pulls and pushes rows of the tables of a shard map. Knows no model. One thread at a time calls
// it, as operations reach a server in the order of the calls; Announce and Shutdown may come from
// any thread.
//
// When shards move to other servers, a new map is announced: with the next call, or in the one that
// waits, what was sent for those shards and not answered is cut again and sent to their new
// servers, under the same sequences, before anything later. Callers see nothing of it; plans that
// they hold stay good.
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
    // How long a server may have no room for a push before that is an error.
    absl::Duration patience = absl::InfiniteDuration();
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
  // on every server. `done` comes when every server has acknowledged. `origin`: whose step it was
  // before the job was restored, if it was somebody's.
  void PushStep(uint64_t clock, uint64_t examples, absl::Span<const TableGradients> gradients,
                Done done, const StepOrigin& origin = {});

  // From Hold to Flush small pulls may wait for what follows to the same server, to go out
  // together. (The operations of one PushStep do so without being asked.)
  void Hold();
  void Flush();

  // Blocks until done(), which becomes true by some Done; drives the connections meanwhile. As
  // CompletionLoop::Wait.
  void Wait(const std::function<bool()>& done);

  // Fails everything that is open and that comes later.
  void Shutdown(const absl::Status& status);

  // The coordinator has a new shard map, of the same tables: shards are elsewhere, or how pulls
  // wait was changed (and so how long rows may be used again). Taken over with the next call.
  void Announce(const v1::ShardMap& map) ABSL_LOCKS_EXCLUDED(mutex_);

  const v1::ShardMap& shard_map() const { return options_.shard_map; }

  // Bytes of all messages to and from the servers. Thread-safe.
  uint64_t bytes_sent() const;
  uint64_t bytes_received() const;

 private:
  class Call;
  class PullCall;
  class PushCall;
  class BroadcastCall;

  // For operations whose answers nobody waits for.
  class Nobody final : public ReplyReceiver {
   public:
    void Receive(const ServerLink&, const OutgoingOperation&, const ReplyFrame&) override {}
    void Split(size_t, size_t) override {}
  };

  RowPlanner::Options PlannerOptions() const;
  std::unique_ptr<ServerLink> MakeLink(const v1::ServerMember& server);
  void TakeAnnounced() ABSL_LOCKS_EXCLUDED(mutex_);
  void TakePlacement(const v1::ShardMap& map);
  // Whether an operation that was sent to a server is not for that one any more.
  bool IsStranded(const OutgoingOperation& open, uint32_t server) const;
  // Makes links_ those of the map, and joins the clocks of servers that are new; returns those that
  // are no longer.
  std::vector<std::unique_ptr<ServerLink>> ReplaceLinks(const v1::ShardMap& map)
      ABSL_LOCKS_EXCLUDED(links_mutex_);
  void SendControl(OperationKind kind, uint64_t clock, ServerLink& link);
  // Says that a step is finished which the server has heard of only now.
  void FinishStep(uint64_t step, ServerLink& link);
  // Cuts operations of one sequence for the servers that the map says. Pushes keep it, pulls get
  // another one.
  void CutAgain(std::vector<OutgoingOperation> operations,
                std::map<uint32_t, std::vector<OutgoingOperation>>* again);
  // Sends an operation with rows, which may be of an earlier plan.
  void Send(OutgoingOperation out);

  Operation Prepare(OperationKind kind);
  // Sends one operation without content to every server and waits for the answers.
  absl::StatusOr<uint64_t> Broadcast(OperationKind kind, uint64_t clock);
  // One of the free calls, or a new one.
  template <typename T>
  T* NewCall(std::vector<std::unique_ptr<T>> ParameterClient::*free) ABSL_LOCKS_EXCLUDED(mutex_);
  // Sends parts [first, last) of the call's plan.
  void SendPulls(PullCall* call, std::optional<uint64_t> clock, size_t first, size_t last);
  // A plan of a sparse table that nobody uses.
  std::shared_ptr<RowPlan> FreePlan(ClientTable& table);
  // Reads the rows that are fresh enough at `clock`, and returns a plan for the others; null: there
  // are none.
  std::shared_ptr<const RowPlan> UseAgain(ClientTable& table, std::shared_ptr<const RowPlan> plan,
                                          uint64_t clock, absl::Span<float> values);

  // Its shard map is the one that was taken over last.
  Options options_;
  CompletionLoop loop_{"client-rpc"};
  std::vector<std::unique_ptr<ClientTable>> tables_;
  Nobody nobody_;
  // By server id. Changed by the thread that calls, under the mutex; it reads them without.
  mutable Mutex links_mutex_;
  std::map<uint32_t, std::unique_ptr<ServerLink>> links_;
  absl::Status shutdown_ ABSL_GUARDED_BY(links_mutex_);
  uint64_t sequence_ = 0;
  // Whether it takes part in clocks, and its own.
  bool attached_ = false;
  uint64_t clock_ = 0;
  // Examples of the last steps since it is attached: those that may not be answered, at least.
  std::map<uint64_t, uint64_t> step_examples_;
  // Scratch memory.
  std::vector<const void*> last_parts_;
  std::vector<uint32_t> stale_;

  // Calls that are not under way, to be used again.
  Mutex mutex_;
  v1::ShardMap announced_ ABSL_GUARDED_BY(mutex_);
  std::atomic<bool> has_announced_{false};
  std::vector<std::unique_ptr<PullCall>> free_pulls_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<PushCall>> free_pushes_ ABSL_GUARDED_BY(mutex_);
  // Used by completions only, which come one at a time.
  RowDecoder decoder_;
};

}  // namespace paramd
