#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/storage/output_file.h"

namespace paramd {

// The files of a log (FORMAT.md). Errors as of common/base/file.h.

struct LogSegment {
  uint64_t number = 0;
  bool base = false;  // what is before it is not needed
  std::string path;
};

// What the first record of a segment says, as it is in memory.
struct LogLink {
  uint64_t number = 0;
  uint64_t previous_bytes = 0;  // of the segment before that hold good records; 0: there is none
};
static_assert(sizeof(LogLink) == 16);

// In ascending order. Other files are passed over.
absl::StatusOr<std::vector<LogSegment>> ListSegments(const std::string& folder);

// Begins a segment: its file with its link, on the disk. Replaces what an earlier try has left of
// it.
absl::StatusOr<std::unique_ptr<OutputFile>> CreateSegment(const std::string& folder, LogLink link);

// Says, on the disk, that what is before the segment is not needed. It may have been said already.
absl::Status MakeBase(const std::string& folder, uint64_t number);

// Removes the segments before `number`.
absl::Status RemoveSegmentsBefore(const std::string& folder, uint64_t number);

}  // namespace paramd
