#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace paramd {

// Makes the keys of a batch unique. Keeps its scratch memory between calls; not thread-safe.
class KeyUniquer {
 public:
  // Fills `unique` with the distinct keys of `keys`, ascending, and `index` so that
  // unique[index[i]] == keys[i]. keys.size() < 2^32. Takes time linear in the number of keys: a
  // least significant digit first radix sort, one pass for each byte in which the keys differ.
  void Run(absl::Span<const uint64_t> keys, std::vector<uint64_t>* unique,
           std::vector<uint32_t>* index);

 private:
  struct Entry {
    uint64_t key;
    uint32_t position;
  };

  void Sort();

  std::vector<Entry> entries_;
  std::vector<Entry> scratch_;
};

}  // namespace paramd
