#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/data/batch_request.h"
#include "worker/data/batch_source.h"
#include "worker/data/cache_key.h"

namespace paramd {

// A folder of parsed batches (data.cache), a file for each part of the data that was read to its
// end; CACHE.md has the format. Batches come from there when the source files and all that they
// are parsed by are as they were; otherwise they are parsed and written on the way. Nothing that is
// wrong with the folder is an error: it is logged, and the batches are parsed.
//
// Thread-safe; workers of one machine may share the folder: of several that parse the same part one
// writes. The object is to outlive the sources that it opened.
class BatchCache {
 public:
  // Makes the folder if there is none.
  explicit BatchCache(const std::string& folder);

  // The batches that ParsedBatches::Open gives; its errors.
  absl::StatusOr<std::unique_ptr<BatchSource>> Open(const BatchRequest& request);

 private:
  class Cached;
  class Recorded;

  // Parses, and writes the file of `key` if it can.
  absl::StatusOr<std::unique_ptr<BatchSource>> Record(const BatchRequest& request,
                                                      const CacheKey& key);
  std::string PathOf(const CacheKey& key) const { return folder_ + "/" + key.name; }
  // Nothing is written any more; said once.
  void StopWriting(const absl::Status& why);

  const std::string folder_;
  std::atomic<bool> writes_{true};
  std::atomic<bool> has_read_{false};
};

}  // namespace paramd
