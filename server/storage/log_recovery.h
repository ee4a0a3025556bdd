#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/storage/record_visitor.h"

namespace paramd {

// A segment whose records were read, and the bytes of it up to behind the last good one.
struct RecoveredSegment {
  uint64_t number = 0;
  uint64_t bytes = 0;
  std::string path;
};

// Reads all records of the log in `folder`, in order: from the newest segment that says that what
// is before it is not needed (or from the first) to the end. Changes nothing, and is not for a log
// that is written to. Returns the segments, none for a folder without a log. DATA_LOSS, with the
// file, when something that was there before the end is damaged or missing (the visitor has had
// what is before it); otherwise errors as of common/base/file.h.
absl::StatusOr<std::vector<RecoveredSegment>> RecoverLog(const std::string& folder,
                                                         const RecordVisitor& visitor);

}  // namespace paramd
