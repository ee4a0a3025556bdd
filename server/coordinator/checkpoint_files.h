#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "paramd/v1/coordinator.pb.h"

namespace paramd {

// The coordinator's way to the folder of checkpoints, which the servers see too. Calls block on the
// disk and come one at a time. Errors name the file.
class CheckpointFiles {
 public:
  virtual ~CheckpointFiles() = default;

  // Begins a checkpoint, of the number that is returned, which none had that was begun before.
  virtual absl::StatusOr<uint64_t> Begin() = 0;
  // All files are there: makes a checkpoint of them, which adds to `parent` (0: to none), and
  // removes those that are kept no longer.
  virtual absl::Status Commit(uint64_t number, uint64_t parent,
                              const v1::CheckpointPayload& payload) = 0;
  // Removes what there is of it.
  virtual void Abandon(uint64_t number) = 0;

  struct Restore {
    uint64_t number = 0;
    v1::CheckpointPayload payload;
  };
  // The checkpoint that a person wants the next job to begin with; none: there is no such wish.
  // Errors: it cannot be read.
  virtual absl::StatusOr<std::optional<Restore>> WantedRestore() = 0;
  // The job has begun with it.
  virtual absl::Status ForgetRestore() = 0;
};

}  // namespace paramd
