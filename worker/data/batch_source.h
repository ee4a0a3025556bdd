#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "worker/data/batch.h"
#include "worker/data/record_reader.h"

namespace paramd {

// The examples of the partitions of a grant, batch by batch, wherever they come from
// (worker/data/open_batch_source.h opens one). Not thread-safe.
class BatchSource {
 public:
  virtual ~BatchSource() = default;

  // Replaces `batch` by the next one; false, and an empty batch, when there are no more. Errors: as
  // BatchReader::Next.
  virtual absl::StatusOr<bool> Next(Batch* batch) = 0;

  // Bytes that are not read yet; as many as can be while that is not known.
  virtual uint64_t BytesLeft() const = 0;

  // What was read so far, the same wherever it comes from.
  virtual const ReadStats& stats() const = 0;
};

}  // namespace paramd
