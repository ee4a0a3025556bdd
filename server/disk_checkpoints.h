#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/coordinator/checkpoint_files.h"
#include "server/storage/checkpoint_set.h"

namespace paramd {

// The folder of the configuration's checkpoint.dir (server/storage/FORMAT.md). A file RESTORE in it
// names the checkpoint that a person wants the next job to begin with.
class DiskCheckpoints final : public CheckpointFiles {
 public:
  // `keep`: full checkpoints.
  DiskCheckpoints(std::string folder, int keep)
      : folder_(std::move(folder)), keep_(keep), set_(folder_) {}

  absl::StatusOr<uint64_t> Begin() override;
  absl::Status Commit(uint64_t number, uint64_t parent,
                      const v1::CheckpointPayload& payload) override;
  void Abandon(uint64_t number) override;
  absl::StatusOr<std::optional<Restore>> WantedRestore() override;
  absl::Status ForgetRestore() override;

 private:
  const std::string folder_;
  const int keep_;
  const CheckpointSet set_;
  uint64_t last_ = 0;  // that was begun
};

}  // namespace paramd
