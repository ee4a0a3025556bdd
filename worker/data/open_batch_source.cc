#include "worker/data/open_batch_source.h"

#include "worker/data/parsed_batches.h"

namespace paramd {

absl::StatusOr<std::unique_ptr<BatchSource>> OpenBatchSource(const BatchRequest& request,
                                                             BatchCache* cache) {
  return cache == nullptr ? ParsedBatches::Open(request) : cache->Open(request);
}

}  // namespace paramd
