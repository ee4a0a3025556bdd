#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "worker/data/batch.h"
#include "worker/data/record_reader.h"

namespace paramd {

// The body of a block of a cache file (CACHE.md): a batch as it was parsed and the bad records that
// were met on the way to it.

// Replaces `body` by that of `batch`, of a data set
// of `shape`; `bad` counts the bad records since the block before. The
// batch has no more than 2^32 - 1 values and keys.
void EncodeCacheBlock(const Batch& batch, const DatasetShape& shape, const ReadStats& bad,
                      std::vector<uint64_t>* body);

// Replaces `batch` by the one in `body`, of a data set of `shape` in batches of up to `max_rows`
// rows, and adds what was read for it to `stats`. DATA_LOSS, with anything in both: CACHE.md
// forbids the bytes.
absl::Status DecodeCacheBlock(absl::Span<const uint64_t> body, const DatasetShape& shape,
                              uint64_t max_rows, Batch* batch, ReadStats* stats);

}  // namespace paramd
