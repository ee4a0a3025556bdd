#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "common/base/random.h"
#include "worker/data/batch.h"
#include "worker/model/batch_stream.h"
#include "worker/model/unigram_sampler.h"

namespace paramd {

// A pair of words of a row, with its negative words, as SkipGramPairs leaves it in Batch::drawn.
struct SkipGramPair {
  static constexpr uint32_t kLeftOut = UINT32_MAX;

  uint32_t row;
  uint32_t word;  // index in Batch::unique_keys
  // Indexes in Batch::drawn_keys: first that of the context, then those of the negative words, each
  // of which may be kLeftOut.
  absl::Span<const uint32_t> outputs;
};

// The pairs of a batch, in the order of rows, each with `negatives` negative words.
class SkipGramPairList {
 public:
  SkipGramPairList(const Batch& batch, size_t negatives)
      : drawn_(batch.drawn), outputs_(1 + negatives) {}

  size_t size() const { return drawn_.size() / (2 + outputs_); }
  SkipGramPair operator[](size_t i) const {
    const absl::Span<const uint32_t> pair = drawn_.subspan(i * (2 + outputs_), 2 + outputs_);
    return {.row = pair[0], .word = pair[1], .outputs = pair.subspan(2)};
  }

 private:
  const absl::Span<const uint32_t> drawn_;
  const size_t outputs_;
};

// Draws the windows and negative words of batches, as worker/model/word2vec.h says. Not
// thread-safe.
class SkipGramPairs {
 public:
  SkipGramPairs(uint32_t window, uint32_t negatives, uint64_t seed)
      : window_(window), negatives_(negatives), seed_(seed) {}

  // Fills batch->drawn and batch->drawn_keys; the latter with the batch's words and the negative
  // ones, strictly ascending.
  void Draw(Batch* batch);

 private:
  void CountWords(const Batch& batch);
  // Fills batch->drawn with numbers of words in place of indexes in drawn_keys.
  void DrawPairs(Batch* batch);
  void DrawPair(uint32_t row, uint32_t word, uint32_t context, Random& random, Batch* batch);
  // Replaces them by the indexes.
  void FillKeys(Batch* batch);
  void Use(uint32_t word);

  const uint32_t window_;
  const uint32_t negatives_;
  const uint64_t seed_;
  BatchStream streams_;
  UnigramSampler sampler_;
  // Of the batch: occurrences and number of the word of each unique key.
  std::vector<uint64_t> counts_;
  std::vector<uint32_t> words_;
  // Words that the batch uses, and for each word whether it does, then its index in drawn_keys.
  std::vector<uint32_t> used_;
  std::vector<uint32_t> place_;
};

}  // namespace paramd
