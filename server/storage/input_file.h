#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace paramd {

// A file that is read mostly from its beginning to its end. Errors as of common/base/file.h. Not
// thread-safe.
class InputFile {
 public:
  static absl::StatusOr<std::unique_ptr<InputFile>> Open(const std::string& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::string& path() const { return path_; }
  // When it was opened.
  uint64_t size() const { return size_; }

  // Fills `to` from `offset` on; all of it lies before size(). DATA_LOSS when the file has become
  // shorter.
  absl::Status Read(uint64_t offset, absl::Span<char> to);

 private:
  InputFile(std::string path, int fd, uint64_t size)
      : path_(std::move(path)), fd_(fd), size_(size) {}

  absl::Status ReadNow(uint64_t offset, absl::Span<char> to);
  // Whether all of `to` was read ahead.
  bool CopyFromAhead(uint64_t offset, absl::Span<char> to) const;

  const std::string path_;
  const int fd_;
  const uint64_t size_;
  std::vector<char> ahead_;
  uint64_t ahead_offset_ = 0;
};

}  // namespace paramd
