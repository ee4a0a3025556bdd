#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "paramd/v1/coordinator.pb.h"
#include "server/coordinator/lease_positions.h"

namespace paramd {

// One checkpoint on its way: the servers write copies of their shards, each taken at its own
// moment, and the state of the job as it was before the first of them goes with those. What was
// pushed between that moment and the copies is in some shards and not in others: shards know by
// their marks, and positions say which step was which batch.
//
// Where all tables are synchronous the copies are of one moment: `step` steps are closed, and
// partitions stand where that step is.
//
// Pure. Not thread-safe.
class CheckpointRound {
 public:
  // The map's servers write it. `step`: 0, or the steps that are to be closed.
  CheckpointRound(v1::CoordinatorState state, const LeasePositions& leases, uint64_t step,
                  absl::Duration now);

  uint64_t step() const { return step_; }
  absl::Duration begun() const { return begun_; }

  // What a server says. All of what is wanted: from then on positions are waited for.
  void Take(uint32_t server, const v1::CheckpointWritten& written);
  bool Wants(uint32_t server) const { return waiting_.contains(server); }
  bool AllWritten() const { return waiting_.empty(); }
  // Empty: none has failed.
  const std::string& error() const { return error_; }

  // The files are those of all shards of the map, and of one step. ABORTED: they are not, for
  // shards moved or servers were at different steps.
  absl::Status CheckFiles(const v1::ShardMap& map) const;

  // Everything, when no worker is behind with its positions. ABORTED: partitions of an epoch that
  // is cut anew each time had begun.
  absl::StatusOr<v1::CheckpointPayload> Payload(const LeasePositions& leases, bool stripes) const;

 private:
  // The partition's entry of the state; null: it is of a later epoch.
  static v1::WorkItem* Find(const LeasePositions::Lease& lease, v1::CoordinatorState* state);

  v1::CoordinatorState state_;
  const uint64_t step_;
  const absl::Duration begun_;
  // Batches of the leases at the beginning.
  std::map<uint64_t, uint64_t> batches_;
  std::set<uint32_t> waiting_;
  std::map<uint32_t, v1::CheckpointWritten> written_;
  std::string error_;
};

// The state of a job that begins with checkpoint `number`: servers and workers are others.
v1::CoordinatorState RestoredState(const v1::CheckpointPayload& payload, uint64_t number);

}  // namespace paramd
