#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/rpc/channel.h"
#include "common/rpc/completion_loop.h"
#include "paramd/v1/coordinator.pb.h"
#include "worker/client/server_link.h"
#include "worker/client/slicer.h"

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
    // Largest message; larger pulls and pushes are cut.
    uint64_t max_message_bytes = 16 << 20;
    ChannelOptions channel;
  };
  using PullDone = std::function<void(absl::StatusOr<std::vector<float>>)>;
  using PushDone = std::function<void(absl::Status)>;

  explicit ParameterClient(Options options);

  // Takes part in the clocks of every server. Blocks; answers the clock that the client begins at.
  absl::StatusOr<uint64_t> Attach();
  // Leaves the clocks of every server; nobody waits for this client any more. Blocks.
  absl::Status Detach();

  // Rows of table `table` (its index in the shard map): float32[keys.size()][dim] of ascending,
  // unique `keys`, or, of a dense table (no keys), all its rows. With a clock the pull waits as the
  // table's consistency mode says; without one it does not. `done` is called from another thread
  // and must not block.
  void Pull(uint32_t table, absl::Span<const uint64_t> keys, std::optional<uint64_t> clock,
            PullDone done);

  // Gradients of one table: float32[keys.size()][dim], or of a dense table all rows.
  struct TableGradients {
    uint32_t table = 0;
    absl::Span<const uint64_t> keys;
    absl::Span<const float> values;
  };
  // Pushes the gradients of step `clock`, the mean over `examples` examples, and finishes the step
  // on every server. What is passed may be reused when the call returns. `done` is called from
  // another thread when every server has acknowledged.
  void PushStep(uint64_t clock, uint64_t examples, absl::Span<const TableGradients> gradients,
                PushDone done);

  // Fails everything that is open and that comes later.
  void Shutdown(const absl::Status& status);

  const v1::ShardMap& shard_map() const { return options_.shard_map; }

 private:
  // What the replies of the operations of one call are gathered in. Shared by them.
  struct PullState;
  struct PushState;

  Operation Prepare(OperationKind kind);
  uint32_t MaxRows(const v1::TableSpec& spec) const;
  std::vector<Slice> Cut(uint32_t table, absl::Span<const uint64_t> keys) const;
  // Sends one operation without content to every server and waits for the answers.
  absl::StatusOr<uint64_t> Broadcast(OperationKind kind, uint64_t clock);

  const Options options_;
  CompletionLoop loop_{"client-rpc"};
  // By server id.
  std::map<uint32_t, std::unique_ptr<ServerLink>> links_;
  uint64_t sequence_ = 0;
};

}  // namespace paramd
