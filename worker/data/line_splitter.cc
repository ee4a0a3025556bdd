#include "worker/data/line_splitter.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/strip.h"
#include "common/base/status_macros.h"

namespace paramd {

LineSplitter::LineSplitter(std::unique_ptr<ByteSource> source, const Options& options)
    : options_(options), source_(std::move(source)), buffer_(options.block_bytes) {}

absl::StatusOr<bool> LineSplitter::ReadBlock() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  // Doubling keeps the bytes moved for a long line proportional to its length.
  if (buffer_.size() - end_ < (options_.block_bytes + 1) / 2) buffer_.resize(2 * buffer_.size());
  ASSIGN_OR_RETURN(const size_t got, source_->Read(absl::MakeSpan(buffer_).subspan(end_)));
  end_ += got;
  read_ += got;
  return got > 0;
}

void LineSplitter::TakeLine(size_t length, size_t with_end) {
  ++number_;
  line_ = absl::string_view(buffer_.data() + begin_, length);
  absl::ConsumeSuffix(&line_, "\r");
  if (number_ == 1) absl::ConsumePrefix(&line_, "\xef\xbb\xbf");
  too_long_ = too_long_ || line_.size() > options_.max_line_bytes;
  if (too_long_) line_ = {};
  begin_ += with_end;
}

absl::StatusOr<bool> LineSplitter::Next() {
  too_long_ = false;
  size_t searched = 0;  // bytes after begin_ without a line end
  while (true) {
    const char* from = buffer_.data() + begin_ + searched;
    const size_t left = end_ - begin_ - searched;
    if (const void* found = left > 0 ? std::memchr(from, '\n', left) : nullptr) {
      const size_t length = static_cast<const char*>(found) - (buffer_.data() + begin_);
      TakeLine(length, length + 1);
      return true;
    }
    searched = end_ - begin_;
    if (searched > options_.max_line_bytes + 1) {  // + 1: a "\r" may still belong to the end
      too_long_ = true;
      begin_ = end_;
      searched = 0;
    }
    ASSIGN_OR_RETURN(const bool more, ReadBlock());
    if (more) continue;
    if (searched == 0 && !too_long_) return false;
    TakeLine(searched, searched);
    return true;
  }
}

}  // namespace paramd
