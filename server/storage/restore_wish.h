#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace paramd {

// The file RESTORE in a folder of checkpoints: which of them the next job is to begin with
// (FORMAT.md). Errors as of common/base/file.h.

// None: there is no such file, or no folder. DATA_LOSS: it holds no number.
absl::StatusOr<std::optional<uint64_t>> ReadRestoreWish(const std::string& folder);

// On the disk when it returns.
absl::Status WriteRestoreWish(const std::string& folder, uint64_t number);

// What is not there is none.
absl::Status RemoveRestoreWish(const std::string& folder);

}  // namespace paramd
