#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "worker/data/batch_cache.h"
#include "worker/data/batch_request.h"
#include "worker/data/batch_source.h"

namespace paramd {

// The batches of `request`: from `cache`, which is to outlive them, or, when it is null, parsed.
// Errors: as BatchReader::Open.
absl::StatusOr<std::unique_ptr<BatchSource>> OpenBatchSource(const BatchRequest& request,
                                                             BatchCache* cache);

}  // namespace paramd
