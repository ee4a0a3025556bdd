#include "worker/model/unigram_sampler.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace paramd {

uint32_t UnigramSampler::Count(uint64_t key, uint64_t count) {
  const auto [entry, is_new] = words_.try_emplace(key, static_cast<uint32_t>(keys_.size()));
  if (is_new) {
    keys_.push_back(key);
    counts_.push_back(0);
  }
  counts_[entry->second] += count;
  counted_ += count;
  return entry->second;
}

void UnigramSampler::Update() {
  if (!cumulative_.empty() && counted_ < counted_at_update_ + counted_at_update_ / 8) return;
  counted_at_update_ = counted_;
  cumulative_.resize(counts_.size());
  double sum = 0;
  for (size_t i = 0; i < counts_.size(); ++i) {
    sum += std::pow(static_cast<double>(counts_[i]), 0.75);
    cumulative_[i] = sum;
  }
}

uint32_t UnigramSampler::Draw(double random) const {
  assert(!cumulative_.empty());
  const auto place =
      std::upper_bound(cumulative_.begin(), cumulative_.end(), random * cumulative_.back());
  // Rounding may make the product the whole sum.
  return static_cast<uint32_t>(
      std::min<size_t>(place - cumulative_.begin(), cumulative_.size() - 1));
}

}  // namespace paramd
