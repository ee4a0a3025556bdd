#include "worker/model/skip_gram_pairs.h"

#include <algorithm>

namespace paramd {
namespace {

constexpr uint32_t kUnused = UINT32_MAX;

}  // namespace

void SkipGramPairs::Draw(Batch* batch) {
  CountWords(*batch);
  DrawPairs(batch);
  FillKeys(batch);
}

void SkipGramPairs::CountWords(const Batch& batch) {
  counts_.assign(batch.unique_keys.size(), 0);
  for (const uint32_t column : batch.columns) ++counts_[column];
  words_.resize(batch.unique_keys.size());
  for (size_t i = 0; i < words_.size(); ++i) {
    words_[i] = sampler_.Count(batch.unique_keys[i], counts_[i]);
  }
  sampler_.Update();
}

void SkipGramPairs::DrawPairs(Batch* batch) {
  Random random(seed_, streams_.Next(*batch));
  batch->drawn.clear();
  for (uint32_t row = 0; row < batch->rows(); ++row) {
    const int64_t begin = batch->row_offsets[row], end = batch->row_offsets[row + 1];
    for (int64_t i = begin; i < end; ++i) {
      const auto reach = static_cast<int64_t>(1 + random.NextBelow(window_));
      const int64_t last = std::min(end - 1, i + reach);
      for (int64_t j = std::max(begin, i - reach); j <= last; ++j) {
        if (j != i) DrawPair(row, batch->columns[i], batch->columns[j], random, batch);
      }
    }
  }
}

void SkipGramPairs::DrawPair(uint32_t row, uint32_t word, uint32_t context, Random& random,
                             Batch* batch) {
  const uint32_t right = words_[context];
  batch->drawn.insert(batch->drawn.end(), {row, word, right});
  for (uint32_t i = 0; i < negatives_; ++i) {
    const uint32_t negative = sampler_.Draw(random.NextUnit());
    batch->drawn.push_back(negative == right ? SkipGramPair::kLeftOut : negative);
  }
}

void SkipGramPairs::FillKeys(Batch* batch) {
  place_.resize(sampler_.words(), kUnused);
  for (const uint32_t word : words_) Use(word);
  const size_t pair_size = 3 + negatives_;
  for (size_t i = 0; i < batch->drawn.size(); ++i) {
    if (i % pair_size >= 2 && batch->drawn[i] != SkipGramPair::kLeftOut) Use(batch->drawn[i]);
  }
  std::sort(used_.begin(), used_.end(),
            [this](uint32_t a, uint32_t b) { return sampler_.key(a) < sampler_.key(b); });
  batch->drawn_keys.clear();
  for (const uint32_t word : used_) {
    place_[word] = static_cast<uint32_t>(batch->drawn_keys.size());
    batch->drawn_keys.push_back(sampler_.key(word));
  }
  for (size_t i = 0; i < batch->drawn.size(); ++i) {
    uint32_t& drawn = batch->drawn[i];
    if (i % pair_size >= 2 && drawn != SkipGramPair::kLeftOut) drawn = place_[drawn];
  }
  for (const uint32_t word : used_) place_[word] = kUnused;
  used_.clear();
}

void SkipGramPairs::Use(uint32_t word) {
  if (place_[word] != kUnused) return;
  place_[word] = 0;
  used_.push_back(word);
}

}  // namespace paramd
