#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "worker/data/batch_reader.h"
#include "worker/data/batch_request.h"
#include "worker/data/batch_source.h"

namespace paramd {

// Batches as they are parsed.
class ParsedBatches final : public BatchSource {
 public:
  // Errors: as BatchReader::Open.
  static absl::StatusOr<std::unique_ptr<BatchSource>> Open(const BatchRequest& request);

  absl::StatusOr<bool> Next(Batch* batch) override { return reader_->Next(batch_rows_, batch); }
  uint64_t BytesLeft() const override { return reader_->BytesLeft(); }
  const ReadStats& stats() const override { return reader_->stats(); }

 private:
  ParsedBatches(std::unique_ptr<BatchReader> reader, int batch_rows);

  const std::unique_ptr<BatchReader> reader_;
  const int batch_rows_;
};

}  // namespace paramd
