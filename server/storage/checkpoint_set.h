#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/storage/manifest.h"

namespace paramd {

struct CheckpointInfo {
  uint64_t number = 0;
  Manifest manifest;    // empty when it cannot be read
  absl::Status status;  // why it cannot be used, naming the file; OK: it can
  uint64_t full = 0;    // when it can: number of the full one that it rests on, or its own
};

// The checkpoints in a folder. One can be used when its manifest, its files, and the checkpoints
// that it rests on down to the full one are as they were when they were made. Errors of the folder
// as of common/base/file.h. Thread-safe; while one changes the folder, what others return is of
// before or after.
class CheckpointSet {
 public:
  explicit CheckpointSet(std::string folder) : folder_(std::move(folder)) {}

  // All that were begun, the newest first, by manifests and sizes of files: their contents are not
  // read.
  absl::StatusOr<std::vector<CheckpointInfo>> List() const;

  // Reads everything that the checkpoint rests on.
  CheckpointInfo Verify(uint64_t number) const;

  struct Newest {
    std::vector<Manifest> chain;          // from the full one to the newest: one adds to the other
    std::vector<CheckpointInfo> skipped;  // newer ones that cannot be used
  };
  // The newest that can be used, all of which it reads. NOT_FOUND, with the reasons, without any.
  absl::StatusOr<Newest> FindNewest() const;

  // Larger than all that were begun, from 1 on.
  absl::StatusOr<uint64_t> NextNumber() const;

  // Removes what is older than the `keep` newest full ones that can be used (by List), at least 1,
  // but not what they or a later one rests on, and unfinished ones that are older than the newest
  // that can be used. Later ones that cannot be used stay. Returns the numbers of those removed.
  absl::StatusOr<std::vector<uint64_t>> RemoveOld(int keep) const;

 private:
  const std::string folder_;
};

}  // namespace paramd
