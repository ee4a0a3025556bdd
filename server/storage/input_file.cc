#include "server/storage/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"

namespace paramd {
namespace {

constexpr uint64_t kAheadBytes = uint64_t{256} << 10;

}  // namespace

absl::StatusOr<std::unique_ptr<InputFile>> InputFile::Open(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return FileError(errno, "open", path);
  struct stat info;
  const int error = fstat(fd, &info) != 0 ? errno : S_ISDIR(info.st_mode) ? EISDIR : 0;
  if (error != 0) {
    close(fd);
    return FileError(error, "open", path);
  }
  return absl::WrapUnique(new InputFile(path, fd, static_cast<uint64_t>(info.st_size)));
}

InputFile::~InputFile() { close(fd_); }

absl::Status InputFile::Read(uint64_t offset, absl::Span<char> to) {
  if (to.empty() || CopyFromAhead(offset, to)) return absl::OkStatus();
  if (to.size() >= kAheadBytes) return ReadNow(offset, to);
  ahead_.resize(std::min(kAheadBytes, size_ - offset));
  ahead_offset_ = offset;
  if (absl::Status status = ReadNow(offset, absl::MakeSpan(ahead_)); !status.ok()) {
    ahead_.clear();
    return status;
  }
  std::memcpy(to.data(), ahead_.data(), to.size());
  return absl::OkStatus();
}

bool InputFile::CopyFromAhead(uint64_t offset, absl::Span<char> to) const {
  if (offset < ahead_offset_ || offset + to.size() > ahead_offset_ + ahead_.size()) return false;
  std::memcpy(to.data(), ahead_.data() + (offset - ahead_offset_), to.size());
  return true;
}

absl::Status InputFile::ReadNow(uint64_t offset, absl::Span<char> to) {
  while (!to.empty()) {
    const ssize_t got = pread(fd_, to.data(), to.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FileError(errno, "read", path_);
    if (got == 0) {
      return absl::DataLossError(absl::StrCat(
          path_, " was ", size_, " bytes when it was opened and now ends at ", offset));
    }
    offset += static_cast<uint64_t>(got);
    to.remove_prefix(static_cast<size_t>(got));
  }
  return absl::OkStatus();
}

}  // namespace paramd
