#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace paramd {

// A file that is written from its beginning to its end. Errors as of common/base/file.h; a process
// that wants one for the file size limit (RESOURCE_EXHAUSTED) ignores SIGXFSZ. Not thread-safe.
class OutputFile {
 public:
  enum class Existing { kRefuse, kReplace };

  // With kRefuse ALREADY_EXISTS when there is such a file.
  static absl::StatusOr<std::unique_ptr<OutputFile>> Create(const std::string& path,
                                                            Existing existing);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  // Appends the pieces, with a system call for up to 1,024 of them. After an error any part of them
  // may be in the file.
  absl::Status Write(absl::Span<const absl::string_view> pieces);

  // Returns when what was written is on the disk. After an error some of it may never be, whatever
  // later calls return.
  absl::Status Sync();

  const std::string& path() const { return path_; }
  // Of the calls of Write that succeeded.
  uint64_t bytes() const { return bytes_; }

 private:
  OutputFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

  const std::string path_;
  const int fd_;
  uint64_t bytes_ = 0;
};

// Returns when what is in a file, whoever wrote it, is on the disk.
absl::Status SyncFile(const std::string& path);

}  // namespace paramd
