#pragma once

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace paramd {

// Writes a file piece by piece so that after a crash at any point either the old or the new content
// is there whole: everything goes to path.tmp, which Commit syncs and renames. Destroying it
// without Commit leaves the old content and removes path.tmp. Errors as of common/base/file.h;
// after one the writer is of no more use. Not thread-safe.
class AtomicFileWriter {
 public:
  static absl::StatusOr<std::unique_ptr<AtomicFileWriter>> Create(const std::string& path);
  // The same for a file that several processes or threads may want to write: ABORTED, with nothing
  // changed, while another such writer of it exists. The lock is the kernel's (flock on path.tmp)
  // and ends with the process, however that ends.
  static absl::StatusOr<std::unique_ptr<AtomicFileWriter>> CreateExclusive(const std::string& path);
  ~AtomicFileWriter();
  AtomicFileWriter(const AtomicFileWriter&) = delete;
  AtomicFileWriter& operator=(const AtomicFileWriter&) = delete;

  // Pieces below 1 MiB are gathered before they are written.
  absl::Status Append(absl::string_view bytes);

  absl::Status Commit();

 private:
  AtomicFileWriter(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

  // path.tmp for writing, with further `flags` of open(2).
  static absl::StatusOr<std::unique_ptr<AtomicFileWriter>> Open(const std::string& path, int flags);
  absl::Status Lock();
  // Whether path.tmp is the file that is open here.
  bool HasName() const;

  std::string temporary() const { return path_ + ".tmp"; }
  absl::Status Write(absl::string_view bytes);

  const std::string path_;
  int fd_;                  // -1 once it is closed
  bool committed_ = false;  // or path.tmp is not ours: it stays
  std::string buffer_;
};

}  // namespace paramd
