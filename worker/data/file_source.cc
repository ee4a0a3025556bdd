#include "worker/data/file_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "common/base/file.h"

namespace paramd {

absl::StatusOr<std::unique_ptr<FileSource>> FileSource::Open(const std::string& path,
                                                             uint64_t begin, uint64_t end) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return FileError(errno, "open", path);
  std::unique_ptr<FileSource> source = absl::WrapUnique(new FileSource(path, fd, begin, end));
  struct stat info;
  if (fstat(fd, &info) != 0) return FileError(errno, "open", path);
  if (S_ISDIR(info.st_mode)) return FileError(EISDIR, "open", path);
  // Only a hint: a file system that cannot follow it changes nothing.
  posix_fadvise(fd, static_cast<off_t>(begin), 0, POSIX_FADV_SEQUENTIAL);
  return source;
}

FileSource::~FileSource() { close(fd_); }

absl::StatusOr<size_t> FileSource::Read(absl::Span<char> buffer) {
  size_t wanted = buffer.size();
  if (end_ != 0) wanted = std::min<uint64_t>(wanted, end_ - std::min(position_, end_));
  if (wanted == 0) return 0;
  ssize_t got;
  do {
    got = pread(fd_, buffer.data(), wanted, static_cast<off_t>(position_));
  } while (got < 0 && errno == EINTR);
  if (got < 0) return FileError(errno, "read", path_);
  if (got == 0 && end_ != 0) {
    return absl::DataLossError(
        absl::StrCat(path_, ": ends at byte ", position_, ", expected ", end_, " bytes"));
  }
  position_ += static_cast<uint64_t>(got);
  return static_cast<size_t>(got);
}

}  // namespace paramd
