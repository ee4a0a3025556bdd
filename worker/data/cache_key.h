#pragma once

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/data/batch_request.h"

namespace paramd {

// Under which name a cache keeps batches, and what tells them from others.
struct CacheKey {
  static constexpr size_t kHeaderBytes = 56;

  // Of the file, without folder: the same for all batches of these partitions that a job may want,
  // so that a change replaces the file.
  std::string name;
  // The file's first kHeaderBytes bytes (CACHE.md): a file that begins so has the batches.
  std::string header;
};

// The key of `request` and of the source files as they are now. Errors: those of looking at a
// source file, which they name.
absl::StatusOr<CacheKey> MakeCacheKey(const BatchRequest& request);

// Whether `header`, the beginning of a file, is that of `key`. FAILED_PRECONDITION: of other data,
// settings or versions; DATA_LOSS: not a header, or a damaged one.
absl::Status CheckCacheHeader(const CacheKey& key, absl::string_view header);

}  // namespace paramd
