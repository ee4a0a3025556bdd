#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace paramd {

// Keeps other processes, and other parts of this one, from a folder for as long as it exists: a
// lock of the kernel's (flock) on the file `lock` in it, which ends with the process, however that
// ends.
class FolderLock {
 public:
  // FAILED_PRECONDITION, naming the folder, when somebody has it; errors of the file as of
  // common/base/file.h. The folder is there already.
  static absl::StatusOr<std::unique_ptr<FolderLock>> Acquire(const std::string& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  explicit FolderLock(int fd) : fd_(fd) {}

  const int fd_;
};

}  // namespace paramd
