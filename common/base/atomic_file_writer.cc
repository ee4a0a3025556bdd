#include "common/base/atomic_file_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>

#include "absl/memory/memory.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"

namespace paramd {
namespace {

constexpr size_t kBufferBytes = size_t{1} << 20;

}  // namespace

absl::StatusOr<std::unique_ptr<AtomicFileWriter>> AtomicFileWriter::Create(
    const std::string& path) {
  std::unique_ptr<AtomicFileWriter> writer = absl::WrapUnique(new AtomicFileWriter(path, -1));
  writer->fd_ = open(writer->temporary().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (writer->fd_ < 0) {
    const int error = errno;
    writer->committed_ = true;  // there is nothing to remove
    return FileError(error, "create", writer->temporary());
  }
  return writer;
}

AtomicFileWriter::~AtomicFileWriter() {
  if (fd_ >= 0) close(fd_);
  if (!committed_) unlink(temporary().c_str());
}

absl::Status AtomicFileWriter::Append(absl::string_view bytes) {
  if (buffer_.size() + bytes.size() <= kBufferBytes) {
    buffer_.append(bytes.data(), bytes.size());
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(Write(buffer_));
  buffer_.clear();
  if (bytes.size() > kBufferBytes) return Write(bytes);
  buffer_.append(bytes.data(), bytes.size());
  return absl::OkStatus();
}

absl::Status AtomicFileWriter::Write(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FileError(errno, "write", temporary());
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status AtomicFileWriter::Commit() {
  RETURN_IF_ERROR(Write(buffer_));
  if (fsync(fd_) != 0) return FileError(errno, "sync", temporary());
  const int closed = close(std::exchange(fd_, -1));
  if (closed != 0) return FileError(errno, "close", temporary());
  if (rename(temporary().c_str(), path_.c_str()) != 0) return FileError(errno, "rename to", path_);
  committed_ = true;
  return SyncDirectory(DirectoryOf(path_));
}

}  // namespace paramd
