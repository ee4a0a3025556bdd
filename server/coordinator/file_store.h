#pragma once

#include <map>
#include <memory>
#include <string>

#include "common/base/mutex.h"
#include "server/coordinator/store.h"

namespace paramd {

// A Store in a folder: key K is in the files K.0.state and K.1.state, whose even and odd versions
// are written over one another in turn, so that a write that is cut short leaves the version before
// it whole. A lock file makes sure that only one process has the folder open. Format of a file
// (little-endian): 8 bytes "PARAMDS1", 8 bytes version, 8 bytes size of the data, 4 bytes CRC-32C
// of all this and the data, the data; what follows has no meaning.
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
  std::string PathOf(absl::string_view key, uint64_t version) const;

  const std::string directory_;
  const int lock_fd_;
  // Makes reading and writing one step. Held over disk writes: they are the point of this class.
  Mutex mutex_;
  // Of the keys that were read or written.
  std::map<std::string, uint64_t> versions_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace paramd
