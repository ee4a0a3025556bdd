#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "worker/data/byte_source.h"

namespace paramd {

// Bytes [begin, end) of a file; to its end, wherever that is, when `end` is 0.
// Open's errors: those of FileError (common/base/file.h). Read: the same, and DATA_LOSS when the
// file ends before `end`: it was cut short after it had been divided into partitions.
class FileSource final : public ByteSource {
 public:
  static absl::StatusOr<std::unique_ptr<FileSource>> Open(const std::string& path,
                                                          uint64_t begin = 0, uint64_t end = 0);
  ~FileSource() override;
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override;

 private:
  FileSource(std::string path, int fd, uint64_t begin, uint64_t end)
      : path_(std::move(path)), fd_(fd), end_(end), position_(begin) {}

  const std::string path_;
  const int fd_;
  const uint64_t end_;
  uint64_t position_;
};

}  // namespace paramd
