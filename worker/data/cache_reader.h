#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/data/batch.h"
#include "worker/data/batch_source.h"
#include "worker/data/cache_key.h"

namespace paramd {

// Batches of a cache file (CACHE.md). Reads block by block; a file that is replaced meanwhile is
// read to its end. Not thread-safe.
class CacheReader final : public BatchSource {
 public:
  // NOT_FOUND: there is no such file. FAILED_PRECONDITION: it has batches of other files or
  // settings than those of `key`. DATA_LOSS: it is no cache file, or a damaged one. Others: it
  // cannot be read. Errors name the file.
  static absl::StatusOr<std::unique_ptr<CacheReader>> Open(const std::string& path,
                                                           const CacheKey& key,
                                                           const DatasetShape& shape,
                                                           int batch_rows);
  ~CacheReader() override;
  CacheReader(const CacheReader&) = delete;
  CacheReader& operator=(const CacheReader&) = delete;

  // DATA_LOSS: the file is damaged or ends too early; batches that came before were as they were
  // parsed. Others: it cannot be read. Errors name the file; after one the reader is of no more
  // use.
  absl::StatusOr<bool> Next(Batch* batch) override;

  uint64_t BytesLeft() const override { return bytes_left_; }
  const ReadStats& stats() const override { return stats_; }

 private:
  CacheReader(std::string path, int fd, const DatasetShape& shape, int batch_rows)
      : path_(std::move(path)),
        fd_(fd),
        shape_(shape),
        batch_rows_(static_cast<uint64_t>(batch_rows)) {}

  absl::Status Start(const CacheKey& key);
  absl::Status ReadBlock(Batch* batch);
  // Fills `size` bytes; DATA_LOSS when the file has fewer.
  absl::Status Read(void* out, uint64_t size);

  const std::string path_;
  const int fd_;
  const DatasetShape shape_;
  const uint64_t batch_rows_;
  uint64_t bytes_left_ = 0;
  uint64_t blocks_ = 0;
  bool ended_ = false;
  ReadStats stats_;
  std::vector<uint64_t> body_;
};

}  // namespace paramd
