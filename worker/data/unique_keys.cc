#include "worker/data/unique_keys.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <utility>

namespace paramd {
namespace {

constexpr int kDigitBits = 8;
constexpr size_t kBuckets = size_t{1} << kDigitBits;
constexpr int kMaxDigits = 64 / kDigitBits;
// Below this a comparison sort is faster than filling the histograms.
constexpr size_t kSmall = 256;
// Words of a bitmap for each key up to which ranking is faster than sorting.
constexpr uint64_t kMaxWordsPerKey = 4;

template <typename Entry>
size_t Digit(Entry entry, int shift) {
  return static_cast<size_t>(entry >> shift) & (kBuckets - 1);
}

// Sorts by the `key_bits` above the lowest `low_bits`.
template <typename Entry>
void RadixSort(int low_bits, int key_bits, std::vector<Entry>& entries,
               std::vector<Entry>& scratch) {
  const int digits = (key_bits + kDigitBits - 1) / kDigitBits;
  std::array<std::array<uint32_t, kBuckets>, kMaxDigits> counts = {};
  for (const Entry entry : entries) {
    for (int i = 0; i < digits; ++i) ++counts[i][Digit(entry, low_bits + i * kDigitBits)];
  }
  scratch.resize(entries.size());
  for (int i = 0; i < digits; ++i) {
    const int shift = low_bits + i * kDigitBits;
    std::array<uint32_t, kBuckets>& count = counts[i];
    if (count[Digit(entries[0], shift)] == entries.size()) continue;  // all the same
    uint32_t next = 0;
    for (uint32_t& bucket : count) next += std::exchange(bucket, next);
    for (const Entry entry : entries) scratch[count[Digit(entry, shift)]++] = entry;
    entries.swap(scratch);
  }
}

}  // namespace

template <typename Entry>
void KeyUniquer::SortEntries(absl::Span<const uint64_t> keys, uint64_t first, int key_bits,
                             std::vector<Entry>& entries, std::vector<Entry>& scratch,
                             std::vector<uint64_t>* unique, uint32_t* index) {
  const int position_bits = std::bit_width(keys.size());
  const Entry position_mask = (Entry{1} << position_bits) - 1;
  entries.resize(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    entries[i] = Entry{keys[i] - first} << position_bits | i;
  }
  if (entries.size() < kSmall) {
    std::sort(entries.begin(), entries.end());
  } else {
    RadixSort(position_bits, key_bits, entries, scratch);
  }
  unique->clear();
  for (const Entry entry : entries) {
    const uint64_t key = first + static_cast<uint64_t>(entry >> position_bits);
    if (unique->empty() || unique->back() != key) unique->push_back(key);
    index[static_cast<size_t>(entry & position_mask)] = static_cast<uint32_t>(unique->size() - 1);
  }
}

void KeyUniquer::Run(absl::Span<const uint64_t> keys, std::vector<uint64_t>* unique,
                     std::vector<uint32_t>* index) {
  index->resize(keys.size());
  unique->clear();
  if (keys.empty()) return;
  const KeyLimits limits = LimitsOf(keys);
  const uint64_t range = limits.last - limits.first;
  const int key_bits = std::bit_width(range);
  if (range / KeyRanker::kWordBits < kMaxWordsPerKey * keys.size()) {
    ranker_.Run(keys, limits, unique, index->data());
  } else if (key_bits + std::bit_width(keys.size()) <= 64) {
    SortEntries(keys, limits.first, key_bits, narrow_, narrow_scratch_, unique, index->data());
  } else {
    SortEntries(keys, limits.first, key_bits, wide_, wide_scratch_, unique, index->data());
  }
}

}  // namespace paramd
