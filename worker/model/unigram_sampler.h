#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace paramd {

// Draws words with probability proportional to count^0.75, from the counts of the words it was
// shown (Mikolov et al., NIPS 2013, section 2.2, take those of the whole corpus). The probabilities
// are brought up to date, in time linear in the number of words, when an eighth more was counted
// since the last time; a new word can be drawn from then on. Keeps about 50 bytes for every word.
// Not thread-safe.
class UnigramSampler {
 public:
  // Adds `count` occurrences. Returns the number of the word: 0, 1, ... in the order of their first
  // occurrence.
  uint32_t Count(uint64_t key, uint64_t count);

  // To be called after words were counted and before they are drawn.
  void Update();

  // The number of a word, for `random` uniform in [0, 1). There must be one.
  uint32_t Draw(double random) const;

  uint64_t key(uint32_t word) const { return keys_[word]; }
  size_t words() const { return keys_.size(); }

 private:
  absl::flat_hash_map<uint64_t, uint32_t> words_;
  std::vector<uint64_t> keys_, counts_;  // of each word
  uint64_t counted_ = 0;
  uint64_t counted_at_update_ = 0;
  // At the last update, for word i: sum of count^0.75 of the words 0 .. i.
  std::vector<double> cumulative_;
};

}  // namespace paramd
