#include "worker/data/cache_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/crc32c.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "worker/data/cache_block.h"
#include "worker/data/cache_frame.h"

namespace paramd {
namespace {

absl::string_view Bytes(const std::vector<uint64_t>& body) {
  return {reinterpret_cast<const char*>(body.data()), body.size() * sizeof(uint64_t)};
}

absl::Status CheckFrame(const CacheFrame& frame, uint64_t number, uint64_t bytes_left) {
  if (frame.frame_crc !=
      Crc32c({reinterpret_cast<const char*>(&frame), CacheFrame::kCheckedBytes})) {
    return absl::DataLossError("its sizes have a wrong checksum");
  }
  if (frame.number != number) {
    return absl::DataLossError(absl::StrCat("it is block ", frame.number));
  }
  if (frame.body_bytes % sizeof(uint64_t) != 0 || frame.body_bytes > bytes_left) {
    return absl::DataLossError("the file ends before it does");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<CacheReader>> CacheReader::Open(const std::string& path,
                                                               const CacheKey& key,
                                                               const DatasetShape& shape,
                                                               int batch_rows) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return FileError(errno, "open", path);
  auto reader = absl::WrapUnique(new CacheReader(path, fd, shape, batch_rows));
  RETURN_IF_ERROR(reader->Start(key));
  return reader;
}

CacheReader::~CacheReader() { close(fd_); }

absl::Status CacheReader::Start(const CacheKey& key) {
  struct stat info;
  if (fstat(fd_, &info) != 0) return FileError(errno, "read", path_);
  bytes_left_ = static_cast<uint64_t>(info.st_size);
  std::string header(std::min<uint64_t>(bytes_left_, CacheKey::kHeaderBytes), '\0');
  RETURN_IF_ERROR(Read(header.data(), header.size()));
  const absl::Status status = CheckCacheHeader(key, header);
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(path_, ": ", status.message()));
}

absl::StatusOr<bool> CacheReader::Next(Batch* batch) {
  if (!ended_) {
    const absl::Status status = ReadBlock(batch);
    if (absl::IsDataLoss(status)) {
      return absl::DataLossError(absl::StrCat(path_, ": block ", blocks_, ": ", status.message()));
    }
    RETURN_IF_ERROR(status);
    ++blocks_;
    ended_ = batch->rows() == 0;
  }
  if (!ended_) return true;
  batch->Clear();
  if (bytes_left_ == 0) return false;
  return absl::DataLossError(absl::StrCat(path_, ": it goes on behind its last block"));
}

absl::Status CacheReader::ReadBlock(Batch* batch) {
  CacheFrame frame;
  RETURN_IF_ERROR(Read(&frame, sizeof(frame)));
  RETURN_IF_ERROR(CheckFrame(frame, blocks_, bytes_left_));
  body_.resize(frame.body_bytes / sizeof(uint64_t));
  RETURN_IF_ERROR(Read(body_.data(), frame.body_bytes));
  if (Crc32c(Bytes(body_)) != frame.body_crc) return absl::DataLossError("a wrong checksum");
  return DecodeCacheBlock(body_, shape_, batch_rows_, batch, &stats_);
}

absl::Status CacheReader::Read(void* out, uint64_t size) {
  auto* at = static_cast<char*>(out);
  while (size > 0) {
    const ssize_t got = read(fd_, at, size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FileError(errno, "read", path_);
    if (got == 0) return absl::DataLossError("the file ends before it does");
    at += got;
    size -= static_cast<uint64_t>(got);
    bytes_left_ -= std::min(bytes_left_, static_cast<uint64_t>(got));
  }
  return absl::OkStatus();
}

}  // namespace paramd
