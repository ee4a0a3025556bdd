#include "server/table/count_min_sketch.h"

#include <algorithm>
#include <bit>

#include "absl/types/span.h"
#include "common/base/random.h"

namespace paramd {
namespace {

constexpr size_t kMinWidth = 16;

}  // namespace

CountMinSketch::CountMinSketch(size_t bytes) {
  const size_t width = std::bit_floor(std::max(bytes / (kRows * sizeof(counters_[0])), kMinWidth));
  shift_ = 64 - std::countr_zero(width);
  counters_.resize(kRows * width);
}

uint32_t CountMinSketch::Add(uint64_t hash) {
  if (added_ >= width() / 2) Halve();
  ++added_;
  uint16_t* at[kRows];
  uint16_t least = kMaxCount;
  for (size_t row = 0; row < kRows; ++row) {
    // Another function for each row.
    at[row] = &counters_[row * width() + (Mix64(hash + row * 0x9e3779b97f4a7c15) >> shift_)];
    least = std::min(least, *at[row]);
  }
  if (least == kMaxCount) return least;
  ++least;
  for (uint16_t* counter : at) *counter = std::max(*counter, least);
  return least;
}

void CountMinSketch::Halve() {
  for (uint16_t& counter : counters_) counter /= 2;
  added_ = 0;
}

bool CountMinSketch::Restore(absl::Span<const uint16_t> counters, uint64_t added) {
  if (counters.size() != counters_.size()) return false;
  std::copy(counters.begin(), counters.end(), counters_.begin());
  added_ = added;
  return true;
}

void CountMinSketch::AddTo(Hasher& hasher) const {
  hasher.AddValues(uint64_t{added_});
  hasher.Add(absl::Span<const uint16_t>(counters_));
}

}  // namespace paramd
