#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/status_macros.h"
#include "worker/data/byte_source.h"

namespace paramd {

// Takes pieces of a given length from a stream of bytes. Not thread-safe.
class ExactReader {
 public:
  explicit ExactReader(std::unique_ptr<ByteSource> source)
      : source_(std::move(source)), buffer_(kBlock) {}

  // The next `size` bytes without taking them, fewer only at the end; valid until the next call.
  // Errors: those of the source.
  absl::StatusOr<absl::string_view> Peek(size_t size) {
    if (end_ - begin_ < size) RETURN_IF_ERROR(Fill(size));
    return absl::string_view(buffer_.data() + begin_, std::min(size, end_ - begin_));
  }

  // Takes bytes that were peeked at.
  void Take(size_t size) { begin_ += size; }

  // Takes `size` bytes, fewer only at the end, and returns how many.
  absl::StatusOr<uint64_t> Skip(uint64_t size) {
    uint64_t skipped = 0;
    while (skipped < size) {
      ASSIGN_OR_RETURN(const absl::string_view piece,
                       Peek(std::min<uint64_t>(size - skipped, kBlock)));
      if (piece.empty()) break;
      Take(piece.size());
      skipped += piece.size();
    }
    return skipped;
  }

 private:
  static constexpr size_t kBlock = size_t{256} << 10;

  // Reads until `size` bytes are there, or all.
  absl::Status Fill(size_t size) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    buffer_.resize(std::max(buffer_.size(), std::max(size, kBlock)));
    while (end_ < size) {
      ASSIGN_OR_RETURN(const size_t got, source_->Read(absl::MakeSpan(buffer_).subspan(end_)));
      if (got == 0) break;
      end_ += got;
    }
    return absl::OkStatus();
  }

  std::unique_ptr<ByteSource> source_;
  std::vector<char> buffer_;
  size_t begin_ = 0;  // bytes [begin_, end_) of the buffer are read and not yet taken
  size_t end_ = 0;
};

}  // namespace paramd
