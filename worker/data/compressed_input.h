#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "common/base/status_macros.h"
#include "worker/data/byte_source.h"

namespace paramd {

// The compressed side of a decompressor: a buffered source that knows how far it was read, so that
// errors can say where. Not thread-safe.
class CompressedInput {
 public:
  CompressedInput(std::unique_ptr<ByteSource> source, std::string name)
      : source_(std::move(source)), name_(std::move(name)), buffer_(256 << 10) {}

  // Reads the next block when everything was consumed. False at the end.
  absl::StatusOr<bool> Fill() {
    if (!rest_.empty()) return true;
    ASSIGN_OR_RETURN(const size_t got, source_->Read(absl::MakeSpan(buffer_)));
    rest_ = absl::MakeSpan(buffer_).first(got);
    return got > 0;
  }

  // Read and not yet consumed.
  absl::Span<char> rest() const { return rest_; }

  void Consume(size_t bytes) {
    rest_.remove_prefix(bytes);
    offset_ += bytes;
  }

  // Compressed bytes consumed so far.
  uint64_t offset() const { return offset_; }

  // DATA_LOSS: "<file>: byte <offset>: <what>".
  absl::Status Corrupt(absl::string_view what) const {
    return absl::DataLossError(absl::StrCat(name_, ": byte ", offset_, ": ", what));
  }

 private:
  const std::unique_ptr<ByteSource> source_;
  const std::string name_;
  std::vector<char> buffer_;
  absl::Span<char> rest_;
  uint64_t offset_ = 0;
};

}  // namespace paramd
