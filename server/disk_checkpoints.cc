#include "server/disk_checkpoints.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "server/replica/checkpoint_shards.h"
#include "server/storage/checkpoint_reader.h"
#include "server/storage/checkpoint_writer.h"
#include "server/storage/restore_wish.h"

namespace paramd {

absl::StatusOr<uint64_t> DiskCheckpoints::Begin() {
  RETURN_IF_ERROR(MakeDirectories(folder_));
  ASSIGN_OR_RETURN(const uint64_t next, set_.NextNumber());
  // One that was abandoned is there no more, but some server may be writing it yet.
  last_ = std::max(next, last_ + 1);
  RETURN_IF_ERROR(BeginCheckpoint(folder_, last_));
  return last_;
}

absl::Status DiskCheckpoints::Commit(uint64_t number, uint64_t parent,
                                     const v1::CheckpointPayload& payload) {
  CheckpointContents contents{.number = number, .payload = payload.SerializeAsString()};
  if (parent > 0) contents.parent = parent;
  for (const v1::CheckpointFile& file : payload.files()) {
    if (file.name().empty()) continue;
    contents.files.push_back(
        {.name = file.name(), .digest = {.bytes = file.bytes(), .sha256 = file.sha256()}});
  }
  RETURN_IF_ERROR(CommitCheckpoint(folder_, std::move(contents)));
  // It is there whether others can be removed or not.
  if (const auto removed = set_.RemoveOld(keep_); !removed.ok()) {
    spdlog::warn("old checkpoints stay: {}", std::string(removed.status().message()));
  }
  return absl::OkStatus();
}

void DiskCheckpoints::Abandon(uint64_t number) {
  if (const absl::Status status = AbandonCheckpoint(folder_, number); !status.ok()) {
    spdlog::warn("an unfinished checkpoint stays: {}", std::string(status.message()));
  }
}

absl::StatusOr<std::optional<CheckpointFiles::Restore>> DiskCheckpoints::WantedRestore() {
  ASSIGN_OR_RETURN(const std::optional<uint64_t> number, ReadRestoreWish(folder_));
  if (!number.has_value()) return std::nullopt;
  ASSIGN_OR_RETURN(const CheckpointReader reader, CheckpointReader::Open(folder_, *number));
  ASSIGN_OR_RETURN(v1::CheckpointPayload payload, PayloadOf(reader.manifest()));
  return Restore{.number = *number, .payload = std::move(payload)};
}

absl::Status DiskCheckpoints::ForgetRestore() { return RemoveRestoreWish(folder_); }

}  // namespace paramd
