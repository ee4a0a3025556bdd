#pragma once

#include <memory>
#include <string>

#include "common/base/mutex.h"
#include "server/coordinator/store.h"

namespace paramd {

// A Store in a folder: key K is the file K.state, replaced atomically. A lock file makes sure that
// only one process has the folder open. Format of a file (little-endian): 8 bytes "PARAMDS1", 8
// bytes version, 4 bytes CRC-32C of the version and the data, the data.
class FileStore final : public Store {
 public:
  // Makes `directory` if there is none. FAILED_PRECONDITION: another process has it open.
  static absl::StatusOr<std::unique_ptr<FileStore>> Open(const std::string& directory);
  ~FileStore() override;

  absl::StatusOr<Value> Get(absl::string_view key) override;
  absl::StatusOr<uint64_t> CompareAndSwap(absl::string_view key, uint64_t expected_version,
                                          absl::string_view data) override;

 private:
  FileStore(std::string directory, int lock_fd)
      : directory_(std::move(directory)), lock_fd_(lock_fd) {}

  absl::StatusOr<Value> Read(absl::string_view key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::string PathOf(absl::string_view key) const;

  const std::string directory_;
  const int lock_fd_;
  // Makes reading and writing one step. Held over disk writes: they are the point of this class.
  Mutex mutex_;
};

}  // namespace paramd
