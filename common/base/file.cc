#include "common/base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "common/base/failpoint.h"
#include "common/base/status_macros.h"

namespace paramd {
namespace {

// Closes a descriptor at the end of a block.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  ASSIGN_OR_RETURN(const uint64_t size, FileSize(path));
  return ReadFileRange(path, 0, size);
}

absl::StatusOr<std::string> ReadFileRange(const std::string& path, uint64_t offset, uint64_t size) {
  Descriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return FileError(errno, "open", path);
  std::string content(size, '\0');
  uint64_t done = 0;
  while (done < size) {
    const ssize_t got =
        pread(fd.get(), content.data() + done, size - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FileError(errno, "read", path);
    if (got == 0) break;
    done += static_cast<uint64_t>(got);
  }
  content.resize(done);
  return content;
}

absl::Status WriteInPlace(const std::string& path, absl::string_view content) {
  int opened = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  const bool is_new = opened < 0 && errno == ENOENT;
  if (is_new) opened = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  Descriptor fd(opened);
  if (fd.get() < 0) return FileError(errno, "create", path);
  uint64_t done = 0;
  while (done < content.size()) {
    RETURN_IF_FAILPOINT("file.write");
    const ssize_t put =
        pwrite(fd.get(), content.data() + done, content.size() - done, static_cast<off_t>(done));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return FileError(errno, "write", path);
    done += static_cast<uint64_t>(put);
  }
  RETURN_IF_FAILPOINT("file.fsync");
  if (fdatasync(fd.get()) != 0) return FileError(errno, "sync", path);
  return is_new ? SyncDirectory(DirectoryOf(path)) : absl::OkStatus();
}

absl::Status SyncDirectory(const std::string& directory) {
  Descriptor fd(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0) return FileError(errno, "open folder", directory);
  RETURN_IF_FAILPOINT("folder.fsync");
  if (fsync(fd.get()) != 0) return FileError(errno, "sync folder", directory);
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> FileSize(const std::string& path) {
  ASSIGN_OR_RETURN(const FileVersion version, ReadFileVersion(path));
  return version.size;
}

absl::StatusOr<FileVersion> ReadFileVersion(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return FileError(errno, "open", path);
  if (S_ISDIR(info.st_mode)) return FileError(EISDIR, "open", path);
  return FileVersion{
      .size = static_cast<uint64_t>(info.st_size),
      .modified_ns = int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + int64_t{info.st_mtim.tv_nsec}};
}

absl::Status MakeDirectories(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return FileError(error.value(), "create folder", path);
  return absl::OkStatus();
}

std::string DirectoryOf(const std::string& path) {
  const std::string directory = std::filesystem::path(path).parent_path().string();
  return directory.empty() ? "." : directory;
}

std::string JoinPath(const std::string& directory, const std::string& path) {
  return (std::filesystem::path(directory) / path).lexically_normal().string();
}

}  // namespace paramd
