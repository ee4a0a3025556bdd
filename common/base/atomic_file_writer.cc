#include "common/base/atomic_file_writer.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "common/base/failpoint.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"

namespace paramd {
namespace {

constexpr size_t kBufferBytes = size_t{1} << 20;

}  // namespace

absl::StatusOr<std::unique_ptr<AtomicFileWriter>> AtomicFileWriter::Create(
    const std::string& path) {
  return Open(path, O_TRUNC);
}

absl::StatusOr<std::unique_ptr<AtomicFileWriter>> AtomicFileWriter::CreateExclusive(
    const std::string& path) {
  ASSIGN_OR_RETURN(std::unique_ptr<AtomicFileWriter> writer, Open(path, 0));
  if (absl::Status status = writer->Lock(); !status.ok()) {
    writer->committed_ = true;
    return status;
  }
  if (ftruncate(writer->fd_, 0) != 0) return FileError(errno, "empty", writer->temporary());
  return writer;
}

absl::StatusOr<std::unique_ptr<AtomicFileWriter>> AtomicFileWriter::Open(const std::string& path,
                                                                         int flags) {
  std::unique_ptr<AtomicFileWriter> writer = absl::WrapUnique(new AtomicFileWriter(path, -1));
  writer->fd_ = open(writer->temporary().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);
  if (writer->fd_ < 0) {
    const int error = errno;
    writer->committed_ = true;  // there is nothing to remove
    return FileError(error, "create", writer->temporary());
  }
  return writer;
}

absl::Status AtomicFileWriter::Lock() {
  const int error = flock(fd_, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
  if (error != 0 && error != EWOULDBLOCK) return FileError(error, "lock", temporary());
  // Without its name it was another writer's, who was done between our open and flock.
  if (error == 0 && HasName()) return absl::OkStatus();
  return absl::AbortedError(absl::StrCat(temporary(), ": another writer is at it"));
}

bool AtomicFileWriter::HasName() const {
  struct stat open_file, named_file;
  return fstat(fd_, &open_file) == 0 && stat(temporary().c_str(), &named_file) == 0 &&
         open_file.st_dev == named_file.st_dev && open_file.st_ino == named_file.st_ino;
}

AtomicFileWriter::~AtomicFileWriter() {
  // While it is still locked.
  if (!committed_) unlink(temporary().c_str());
  if (fd_ >= 0) close(fd_);
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
    RETURN_IF_FAILPOINT("atomic_file.write");
    const ssize_t written = write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FileError(errno, "write", temporary());
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status AtomicFileWriter::Commit() {
  RETURN_IF_ERROR(Write(buffer_));
  RETURN_IF_FAILPOINT("atomic_file.fsync");
  if (fsync(fd_) != 0) return FileError(errno, "sync", temporary());
  RETURN_IF_FAILPOINT("atomic_file.rename");
  // Closed, hence unlocked, only after the name is free.
  if (rename(temporary().c_str(), path_.c_str()) != 0) return FileError(errno, "rename to", path_);
  committed_ = true;
  if (close(std::exchange(fd_, -1)) != 0) return FileError(errno, "close", path_);
  return SyncDirectory(DirectoryOf(path_));
}

}  // namespace paramd
