#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "server/table/page_memory.h"

namespace paramd {

// Rows of `width` float32 in blocks of memory that never move. Not thread-safe.
class RowArena {
 public:
  // `width` > 0.
  explicit RowArena(size_t width)
      : width_(width),
        shift_(std::bit_width(std::max<size_t>(kBlock / (width * sizeof(float)), 1) - 1)) {}

  // Number of a new row, all zero: one that was removed, or the next. Pointers to other rows stay
  // valid.
  uint64_t Append() {
    if (!removed_.empty()) {
      const uint64_t row_number = removed_.back();
      removed_.pop_back();
      std::fill_n(row(row_number), width_, 0.0f);
      return row_number;
    }
    if (size_ >> shift_ == blocks_.size()) {
      // In a small arena the last block is a large part, and only what is used of it is there.
      blocks_.emplace_back((width_ * sizeof(float)) << shift_, blocks_.size() >= kSmallBlocks);
    }
    return size_++;
  }

  // The row is not used any more.
  void Remove(uint64_t row) { removed_.push_back(row); }

  // `row` < size(), not removed.
  float* row(uint64_t row) {
    return static_cast<float*>(blocks_[row >> shift_].data()) +
           (row & ((uint64_t{1} << shift_) - 1)) * width_;
  }
  const float* row(uint64_t row) const { return const_cast<RowArena*>(this)->row(row); }

  size_t width() const { return width_; }
  uint64_t removed() const { return removed_.size(); }  // rows that are not used
  // Rows that there were at the same time, at most.
  uint64_t size() const { return size_; }
  uint64_t bytes() const {
    return size_ * width_ * sizeof(float) + removed_.capacity() * sizeof(removed_[0]);
  }

 private:
  static constexpr size_t kBlock = 2 * PageMemory::kHugePage;  // bytes of a block; at most twice it
  static constexpr size_t kSmallBlocks = 4;                    // blocks without huge pages

  const size_t width_;
  const int shift_;  // a block has 1 << shift_ rows
  uint64_t size_ = 0;
  std::vector<PageMemory> blocks_;
  std::vector<uint64_t> removed_;
};

}  // namespace paramd
