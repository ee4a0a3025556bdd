#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace paramd {

struct KeyLimits {
  uint64_t first;
  uint64_t last;
};

// The smallest and the largest of `keys`, of which there is at least one.
KeyLimits LimitsOf(absl::Span<const uint64_t> keys);

// Ranks of keys among the distinct ones, for keys that lie close together: a bitmap with a bit for
// every possible key, and for each of its words how many keys are below it (Jacobson: "Space-
// efficient static trees and graphs", FOCS 1989). No comparisons, hence no mispredicted branches;
// takes time linear in the number of keys and words. Keeps its memory; not thread-safe.
class KeyRanker {
 public:
  // `limits` are those of `keys`. Fills `unique` with the distinct keys, ascending, and
  // index [keys.size()] so that unique[index[i]] == keys[i].
  void Run(absl::Span<const uint64_t> keys, const KeyLimits& limits, std::vector<uint64_t>* unique,
           uint32_t* index);

  static constexpr uint64_t kWordBits = 64;
  struct Word {
    uint64_t bits;
    uint32_t rank;  // distinct keys in the words before
  };

 private:
  std::vector<Word> words_;
};

}  // namespace paramd
