#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <memory>
#include <vector>

namespace paramd {

// Rows of `width` float32 in blocks of memory that never move. Not thread-safe.
class RowArena {
 public:
  // `width` > 0.
  explicit RowArena(uint64_t width)
      : width_(width), rows_per_block_(std::bit_floor(std::max<uint64_t>(kBlock / width, 1))) {}

  // Number of a new row, all zero. Pointers to other rows stay valid.
  uint64_t Append() {
    if (size_ == blocks_.size() * rows_per_block_) {
      blocks_.push_back(std::make_unique<float[]>(rows_per_block_ * width_));
    }
    return size_++;
  }

  // `row` < size().
  float* row(uint64_t row) {
    return blocks_[row / rows_per_block_].get() + row % rows_per_block_ * width_;
  }
  const float* row(uint64_t row) const { return const_cast<RowArena*>(this)->row(row); }

  uint64_t width() const { return width_; }
  uint64_t size() const { return size_; }
  uint64_t bytes() const { return blocks_.size() * rows_per_block_ * width_ * sizeof(float); }

 private:
  static constexpr uint64_t kBlock = 16384;  // float32s in a block, unless one row is longer

  const uint64_t width_;
  const uint64_t rows_per_block_;
  uint64_t size_ = 0;
  std::vector<std::unique_ptr<float[]>> blocks_;
};

}  // namespace paramd
