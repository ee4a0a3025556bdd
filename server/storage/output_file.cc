#include "server/storage/output_file.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "common/base/file.h"

namespace paramd {
namespace {

// Pieces of which some bytes are written.
class Rest {
 public:
  explicit Rest(absl::Span<const absl::string_view> pieces) : pieces_(pieces) { SkipEmpty(); }

  bool empty() const { return pieces_.empty(); }

  // The first of them for writev; how many.
  int Fill(iovec (&vectors)[IOV_MAX]) const {
    const size_t count = std::min<size_t>(pieces_.size(), IOV_MAX);
    for (size_t i = 0; i < count; ++i) {
      const absl::string_view piece = i == 0 ? pieces_[0].substr(written_) : pieces_[i];
      vectors[i] = {const_cast<char*>(piece.data()), piece.size()};
    }
    return static_cast<int>(count);
  }

  void Consume(size_t bytes) {
    written_ += bytes;
    SkipEmpty();
  }

 private:
  void SkipEmpty() {
    while (!pieces_.empty() && written_ >= pieces_[0].size()) {
      written_ -= pieces_[0].size();
      pieces_.remove_prefix(1);
    }
  }

  absl::Span<const absl::string_view> pieces_;
  size_t written_ = 0;  // of the first piece
};

}  // namespace

absl::StatusOr<std::unique_ptr<OutputFile>> OutputFile::Create(const std::string& path,
                                                               Existing existing) {
  const int mode = existing == Existing::kRefuse ? O_EXCL : O_TRUNC;
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | mode, 0644);
  if (fd >= 0) return absl::WrapUnique(new OutputFile(path, fd));
  if (errno == EEXIST) return absl::AlreadyExistsError(absl::StrCat(path, " exists already"));
  return FileError(errno, "create", path);
}

OutputFile::~OutputFile() { close(fd_); }

absl::Status OutputFile::Write(absl::Span<const absl::string_view> pieces) {
  uint64_t written = 0;
  iovec vectors[IOV_MAX];
  for (Rest rest(pieces); !rest.empty();) {
    const ssize_t put = writev(fd_, vectors, rest.Fill(vectors));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return FileError(errno, "write", path_);
    written += static_cast<uint64_t>(put);
    rest.Consume(static_cast<size_t>(put));
  }
  bytes_ += written;
  return absl::OkStatus();
}

absl::Status OutputFile::Sync() {
  return fdatasync(fd_) == 0 ? absl::OkStatus() : FileError(errno, "sync", path_);
}

absl::Status SyncFile(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return FileError(errno, "open", path);
  const int error = fdatasync(fd) == 0 ? 0 : errno;
  close(fd);
  return error == 0 ? absl::OkStatus() : FileError(error, "sync", path);
}

}  // namespace paramd
