#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "paramd/v1/coordinator.pb.h"
#include "paramd/v1/status.pb.h"

namespace paramd {

// Loss and metrics of a run, a JSON object a line (output.history):
//   {"seconds": 2.0, "examples": 51200, "epoch": 1, "loss": 0.41}      progress; loss may be null
//   {"seconds": 2.3, "examples": 51200, "epoch": 1, "auc": 0.78, ...}  an evaluation
//   {"seconds": 2.4, "staleness": 8, "waited": 0.6, "loss": 0.41, "reason": "..."}  a new bound
// seconds since the job began running; of an evaluation the figures that the model has. A line is
// in the file, whole, when it is appended; one that could not be written is left out. Not
// thread-safe. Errors as of common/base/file.h.
class HistoryFile {
 public:
  // `go_on`: behind the whole lines that are there; otherwise the file is begun anew.
  static absl::StatusOr<std::unique_ptr<HistoryFile>> Open(const std::string& path, bool go_on);
  ~HistoryFile();
  HistoryFile(const HistoryFile&) = delete;
  HistoryFile& operator=(const HistoryFile&) = delete;

  absl::Status Append(const v1::HistoryPoint& point);
  absl::Status Append(const v1::StalenessChoice& choice);
  absl::Status Append(const v1::Evaluation& evaluation);

 private:
  HistoryFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

  // Cuts the file behind its whole lines.
  absl::Status Truncate();
  absl::Status AppendLine(absl::string_view line);

  const std::string path_;
  const int fd_;
  uint64_t size_ = 0;  // of the whole lines, bytes
};

}  // namespace paramd
