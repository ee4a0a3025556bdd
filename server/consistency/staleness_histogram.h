#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace paramd {

// Counts operations by their staleness, in steps. Buckets begin at 0, 1, 2, 4, 8, ...; the last one
// is open. Thread-safe; counting takes no lock.
class StalenessHistogram {
 public:
  void Add(uint64_t steps) {
    const size_t bucket = static_cast<size_t>(std::bit_width(steps));
    counts_[bucket < kBuckets ? bucket : kBuckets - 1].fetch_add(1, std::memory_order_relaxed);
  }

  // Without the empty buckets at the end.
  std::vector<uint64_t> Counts() const {
    std::vector<uint64_t> counts;
    for (size_t i = 0; i < kBuckets; ++i) {
      const uint64_t count = counts_[i].load(std::memory_order_relaxed);
      if (count == 0) continue;
      counts.resize(i + 1);
      counts[i] = count;
    }
    return counts;
  }

 private:
  static constexpr size_t kBuckets = 32;
  std::array<std::atomic<uint64_t>, kBuckets> counts_ = {};
};

// Of one table, as TableReport describes it.
struct TableStaleness {
  StalenessHistogram pushes;
  StalenessHistogram pulls;
};

}  // namespace paramd
