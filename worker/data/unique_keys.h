#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "worker/data/rank_keys.h"

namespace paramd {

// Makes the keys of a batch unique. Keeps its scratch memory between calls; not thread-safe.
class KeyUniquer {
 public:
  // Fills `unique` with the distinct keys of `keys`, ascending, and `index` so that
  // unique[index[i]] == keys[i]. keys.size() < 2^32. Takes time linear in the number of keys: keys
  // that lie close together are ranked in a bitmap, others are sorted least significant digit
  // first, in one pass for each byte in which they differ.
  void Run(absl::Span<const uint64_t> keys, std::vector<uint64_t>* unique,
           std::vector<uint32_t>* index);

 private:
  // A key above the position that it comes from, in one number.
  template <typename Entry>
  void SortEntries(absl::Span<const uint64_t> keys, uint64_t first, int key_bits,
                   std::vector<Entry>& entries, std::vector<Entry>& scratch,
                   std::vector<uint64_t>* unique, uint32_t* index);

  KeyRanker ranker_;
  std::vector<uint64_t> narrow_, narrow_scratch_;
  std::vector<unsigned __int128> wide_, wide_scratch_;
};

}  // namespace paramd
