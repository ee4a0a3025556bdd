#include "server/coordinator/file_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/base/crc32c.h"
#include "common/base/failpoint.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"

namespace paramd {
namespace {

constexpr absl::string_view kMagic = "PARAMDS1";
constexpr size_t kCrcAt = 24, kHeaderBytes = 28;
// Files grow in such steps, so that most writes change nothing but blocks that the file has.
constexpr size_t kBlockBytes = 4096;

template <typename T>
std::string Bytes(T number) {
  std::string bytes(sizeof(number), '\0');
  std::memcpy(bytes.data(), &number, sizeof(number));
  return bytes;
}

template <typename T>
T NumberAt(absl::string_view bytes, size_t offset) {
  T number;
  std::memcpy(&number, bytes.data() + offset, sizeof(number));
  return number;
}

std::string Serialize(uint64_t version, absl::string_view data) {
  const std::string head = absl::StrCat(kMagic, Bytes(version), Bytes(uint64_t{data.size()}));
  std::string content = absl::StrCat(head, Bytes(Crc32c(absl::StrCat(head, data))), data);
  content.resize((content.size() + kBlockBytes - 1) / kBlockBytes * kBlockBytes);
  return content;
}

// None: `content` is not whole.
std::optional<Store::Value> Parse(absl::string_view content) {
  if (content.size() < kHeaderBytes || content.substr(0, kMagic.size()) != kMagic) {
    return std::nullopt;
  }
  const auto size = NumberAt<uint64_t>(content, 16);
  if (size > content.size() - kHeaderBytes) return std::nullopt;
  const absl::string_view data = content.substr(kHeaderBytes, size);
  if (NumberAt<uint32_t>(content, kCrcAt) !=
      Crc32c(absl::StrCat(content.substr(0, kCrcAt), data))) {
    return std::nullopt;
  }
  return Store::Value{.version = NumberAt<uint64_t>(content, 8), .data = std::string(data)};
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

std::string FileStore::PathOf(absl::string_view key, uint64_t version) const {
  return JoinPath(directory_, absl::StrCat(key, ".", version % 2, ".state"));
}

absl::StatusOr<Store::Value> FileStore::Get(absl::string_view key) {
  MutexLock lock(mutex_);
  return Read(key);
}

absl::StatusOr<Store::Value> FileStore::Read(absl::string_view key) {
  Value newest;
  int files = 0;
  for (const uint64_t parity : {0, 1}) {
    const absl::StatusOr<std::string> content = ReadFile(PathOf(key, parity));
    if (absl::IsNotFound(content.status())) continue;
    RETURN_IF_ERROR(content.status());
    ++files;
    std::optional<Value> value = Parse(*content);
    if (value.has_value() && value->version > newest.version) newest = *std::move(value);
  }
  // Alone, it is the first version, whose writing was cut short.
  if (files == 2 && newest.version == 0) {
    return absl::DataLossError(absl::StrCat(PathOf(key, 0), " and ", PathOf(key, 1),
                                            " are damaged; remove the folder ", directory_,
                                            " to start without its state"));
  }
  versions_[std::string(key)] = newest.version;
  return newest;
}

absl::StatusOr<uint64_t> FileStore::CompareAndSwap(absl::string_view key, uint64_t expected_version,
                                                   absl::string_view data) {
  MutexLock lock(mutex_);
  auto current = versions_.find(std::string(key));
  if (current == versions_.end()) {
    RETURN_IF_ERROR(Read(key).status());
    current = versions_.find(std::string(key));
  }
  if (current->second != expected_version) {
    return absl::AbortedError(absl::StrCat(key, " in ", directory_, " is at version ",
                                           current->second, ", not ", expected_version));
  }
  const uint64_t version = expected_version + 1;
  RETURN_IF_FAILPOINT("file_store.write");
  RETURN_IF_ERROR(WriteInPlace(PathOf(key, version), Serialize(version, data)));
  // On the disk, and nobody has been told.
  PARAMD_FAILPOINT("file_store.written");
  return current->second = version;
}

}  // namespace paramd
