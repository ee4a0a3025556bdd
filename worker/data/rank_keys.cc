#include "worker/data/rank_keys.h"

#include <bit>
#include <cstddef>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/data/rank_keys.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace paramd {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

KeyLimits FindLimits(absl::Span<const uint64_t> keys) {
  const hn::ScalableTag<uint64_t> d;
  const size_t lanes = hn::Lanes(d);
  auto first = hn::Set(d, keys[0]);
  auto last = first;
  size_t i = 0;
  for (; i + lanes <= keys.size(); i += lanes) {
    const auto key = hn::LoadU(d, keys.data() + i);
    first = hn::Min(first, key);
    last = hn::Max(last, key);
  }
  for (; i < keys.size(); ++i) {
    const auto key = hn::Set(d, keys[i]);
    first = hn::Min(first, key);
    last = hn::Max(last, key);
  }
  return {hn::GetLane(hn::MinOfLanes(d, first)), hn::GetLane(hn::MaxOfLanes(d, last))};
}

// What follows is scalar, compiled for each target for the sake of its bit counting instructions.

using Word = KeyRanker::Word;

// Fills in the ranks and returns the number of distinct keys.
uint32_t CountRanks(absl::Span<Word> words) {
  uint32_t rank = 0;
  for (Word& word : words) {
    word.rank = rank;
    rank += static_cast<uint32_t>(std::popcount(word.bits));
  }
  return rank;
}

void ListKeys(absl::Span<const Word> words, uint64_t first, uint64_t* unique) {
  for (size_t i = 0; i < words.size(); ++i) {
    for (uint64_t bits = words[i].bits; bits != 0; bits &= bits - 1) {
      *unique++ = first + i * KeyRanker::kWordBits + static_cast<uint64_t>(std::countr_zero(bits));
    }
  }
}

void FindRanks(absl::Span<const uint64_t> keys, uint64_t first, absl::Span<const Word> words,
               uint32_t* index) {
  for (const uint64_t key : keys) {
    const Word& word = words[(key - first) / KeyRanker::kWordBits];
    const uint64_t below = (uint64_t{1} << (key - first) % KeyRanker::kWordBits) - 1;
    *index++ = word.rank + static_cast<uint32_t>(std::popcount(word.bits & below));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace paramd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace paramd {

HWY_EXPORT(FindLimits);
HWY_EXPORT(CountRanks);
HWY_EXPORT(ListKeys);
HWY_EXPORT(FindRanks);

KeyLimits LimitsOf(absl::Span<const uint64_t> keys) {
  return HWY_DYNAMIC_DISPATCH(FindLimits)(keys);
}

void KeyRanker::Run(absl::Span<const uint64_t> keys, const KeyLimits& limits,
                    std::vector<uint64_t>* unique, uint32_t* index) {
  const uint64_t first = limits.first;
  words_.assign((limits.last - first) / kWordBits + 1, {});
  for (const uint64_t key : keys) {
    words_[(key - first) / kWordBits].bits |= uint64_t{1} << (key - first) % kWordBits;
  }
  unique->resize(HWY_DYNAMIC_DISPATCH(CountRanks)(absl::MakeSpan(words_)));
  HWY_DYNAMIC_DISPATCH(ListKeys)(words_, first, unique->data());
  HWY_DYNAMIC_DISPATCH(FindRanks)(keys, first, words_, index);
}

}  // namespace paramd
#endif  // HWY_ONCE
