#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "worker/data/byte_source.h"

namespace paramd {

// A ByteSource over a string, at most `step` bytes at a time.
class StringSource final : public ByteSource {
 public:
  explicit StringSource(std::string content, size_t step = 1 << 20)
      : content_(std::move(content)), step_(step) {}

  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override {
    const size_t size = std::min({buffer.size(), step_, content_.size() - position_});
    std::memcpy(buffer.data(), content_.data() + position_, size);
    position_ += size;
    return size;
  }

 private:
  const std::string content_;
  const size_t step_;
  size_t position_ = 0;
};

}  // namespace paramd
