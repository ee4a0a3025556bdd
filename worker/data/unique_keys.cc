#include "worker/data/unique_keys.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace paramd {
namespace {

constexpr int kDigits = 8;  // bytes of a key
constexpr int kBuckets = 256;
// Below this a comparison sort is faster than filling the histograms.
constexpr size_t kSmall = 256;

unsigned Digit(uint64_t key, int digit) { return (key >> (8 * digit)) & 0xff; }

}  // namespace

void KeyUniquer::Sort() {
  if (entries_.size() < kSmall) {
    std::sort(entries_.begin(), entries_.end(),
              [](const Entry& a, const Entry& b) { return a.key < b.key; });
    return;
  }
  std::array<std::array<uint32_t, kBuckets>, kDigits> counts = {};
  for (const Entry& entry : entries_)
    for (int digit = 0; digit < kDigits; ++digit) ++counts[digit][Digit(entry.key, digit)];
  scratch_.resize(entries_.size());
  for (int digit = 0; digit < kDigits; ++digit) {
    std::array<uint32_t, kBuckets>& count = counts[digit];
    if (count[Digit(entries_[0].key, digit)] == entries_.size()) continue;  // all the same
    uint32_t next = 0;
    for (uint32_t& bucket : count) next += std::exchange(bucket, next);
    for (const Entry& entry : entries_) scratch_[count[Digit(entry.key, digit)]++] = entry;
    entries_.swap(scratch_);
  }
}

void KeyUniquer::Run(absl::Span<const uint64_t> keys, std::vector<uint64_t>* unique,
                     std::vector<uint32_t>* index) {
  unique->clear();
  index->resize(keys.size());
  entries_.resize(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) entries_[i] = {keys[i], static_cast<uint32_t>(i)};
  Sort();
  for (const Entry& entry : entries_) {
    if (unique->empty() || unique->back() != entry.key) unique->push_back(entry.key);
    (*index)[entry.position] = static_cast<uint32_t>(unique->size() - 1);
  }
}

}  // namespace paramd
