#include "server/coordinator/file_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/base/crc32c.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"

namespace paramd {
namespace {

constexpr absl::string_view kMagic = "PARAMDS1";
constexpr size_t kHeaderBytes = 20;

std::string VersionBytes(uint64_t version) {
  std::string bytes(sizeof(version), '\0');
  std::memcpy(bytes.data(), &version, sizeof(version));
  return bytes;
}

std::string Serialize(uint64_t version, absl::string_view data) {
  const std::string covered = absl::StrCat(VersionBytes(version), data);
  const uint32_t crc = Crc32c(covered);
  std::string crc_bytes(sizeof(crc), '\0');
  std::memcpy(crc_bytes.data(), &crc, sizeof(crc));
  return absl::StrCat(kMagic, VersionBytes(version), crc_bytes, data);
}

}  // namespace

absl::StatusOr<std::unique_ptr<FileStore>> FileStore::Open(const std::string& directory) {
  RETURN_IF_ERROR(MakeDirectories(directory));
  const std::string lock_path = JoinPath(directory, "lock");
  const int fd = open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return FileError(errno, "open", lock_path);
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    close(fd);
    return absl::FailedPreconditionError(
        absl::StrCat("another coordinator has the state folder ", directory,
                     " open; stop it or set cluster.coordinator.store.dir"));
  }
  return std::unique_ptr<FileStore>(new FileStore(directory, fd));
}

FileStore::~FileStore() { close(lock_fd_); }

std::string FileStore::PathOf(absl::string_view key) const {
  return JoinPath(directory_, absl::StrCat(key, ".state"));
}

absl::StatusOr<Store::Value> FileStore::Get(absl::string_view key) {
  MutexLock lock(mutex_);
  return Read(key);
}

absl::StatusOr<Store::Value> FileStore::Read(absl::string_view key) {
  const std::string path = PathOf(key);
  absl::StatusOr<std::string> content = ReadFile(path);
  if (absl::IsNotFound(content.status())) return Value{};
  RETURN_IF_ERROR(content.status());
  const absl::string_view bytes = *content;
  Value value;
  uint32_t crc = 0;
  if (bytes.size() >= kHeaderBytes) {
    std::memcpy(&value.version, bytes.data() + 8, sizeof(value.version));
    std::memcpy(&crc, bytes.data() + 16, sizeof(crc));
    value.data = std::string(bytes.substr(kHeaderBytes));
  }
  if (bytes.size() < kHeaderBytes || bytes.substr(0, 8) != kMagic ||
      crc != Crc32c(absl::StrCat(VersionBytes(value.version), value.data))) {
    return absl::DataLossError(absl::StrCat(path, " is damaged; remove the folder ", directory_,
                                            " to start without its state"));
  }
  return value;
}

absl::StatusOr<uint64_t> FileStore::CompareAndSwap(absl::string_view key, uint64_t expected_version,
                                                   absl::string_view data) {
  MutexLock lock(mutex_);
  ASSIGN_OR_RETURN(const Value current, Read(key));
  if (current.version != expected_version) {
    return absl::AbortedError(
        absl::StrCat(PathOf(key), " is at version ", current.version, ", not ", expected_version));
  }
  RETURN_IF_ERROR(WriteFileAtomically(PathOf(key), Serialize(expected_version + 1, data)));
  return expected_version + 1;
}

}  // namespace paramd
