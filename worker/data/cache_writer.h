#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/atomic_file_writer.h"
#include "worker/data/batch.h"
#include "worker/data/cache_key.h"
#include "worker/data/record_reader.h"

namespace paramd {

// Writes a cache file (CACHE.md), which appears, or replaces the one before, when all of it is on
// the disk. Errors as of common/base/file.h; after one the writer is of no more use. Not
// thread-safe.
class CacheWriter {
 public:
  // ABORTED: another one writes this file, in this process or another.
  static absl::StatusOr<std::unique_ptr<CacheWriter>> Create(const std::string& path,
                                                             const CacheKey& key,
                                                             const DatasetShape& shape);

  // The next batch, and last of all an empty one. `so_far`: what was read up to it.
  absl::Status Add(const Batch& batch, const ReadStats& so_far);

  absl::Status Commit() { return file_->Commit(); }

 private:
  CacheWriter(std::unique_ptr<AtomicFileWriter> file, const DatasetShape& shape)
      : shape_(shape), file_(std::move(file)) {}

  const DatasetShape shape_;
  const std::unique_ptr<AtomicFileWriter> file_;
  uint64_t blocks_ = 0;
  uint64_t bad_records_ = 0;  // in the blocks before, and how many of them as examples
  size_t examples_ = 0;
  std::vector<uint64_t> body_;
};

}  // namespace paramd
