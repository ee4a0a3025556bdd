#include "worker/data/parsed_batches.h"

#include <utility>

#include "absl/memory/memory.h"
#include "common/base/status_macros.h"

namespace paramd {

ParsedBatches::ParsedBatches(std::unique_ptr<BatchReader> reader, int batch_rows)
    : reader_(std::move(reader)), batch_rows_(batch_rows) {}

absl::StatusOr<std::unique_ptr<BatchSource>> ParsedBatches::Open(const BatchRequest& request) {
  ASSIGN_OR_RETURN(
      std::unique_ptr<BatchReader> reader,
      BatchReader::Open(request.data, request.shape, request.partitions, request.split));
  return absl::WrapUnique(new ParsedBatches(std::move(reader), request.batch_rows));
}

}  // namespace paramd
