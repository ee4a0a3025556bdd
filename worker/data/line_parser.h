#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "worker/data/batch_builder.h"

namespace paramd {

// A text format with at most one record a line. Not thread-safe.
class LineParser {
 public:
  virtual ~LineParser() = default;

  // Whether there is a record, good or bad, in `line` (without its end): not in a blank line or a
  // comment.
  virtual bool IsRecord(absl::string_view line) const = 0;

  // Adds the record in `line` as a row. INVALID_ARGUMENT, saying what is wrong, and no row, when it
  // is bad.
  virtual absl::Status Parse(absl::string_view line, BatchBuilder* rows) = 0;
};

}  // namespace paramd
