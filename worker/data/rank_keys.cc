#include "worker/data/rank_keys.h"

#include <bit>
#include <cstddef>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/data/rank_keys.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

// Scalar code; compiled for each target for the sake of its bit counting instructions.
HWY_BEFORE_NAMESPACE();
namespace paramd {
namespace HWY_NAMESPACE {

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

HWY_EXPORT(CountRanks);
HWY_EXPORT(ListKeys);
HWY_EXPORT(FindRanks);

void KeyRanker::Run(absl::Span<const uint64_t> keys, uint64_t first, uint64_t last,
                    std::vector<uint64_t>* unique, uint32_t* index) {
  words_.assign((last - first) / kWordBits + 1, {});
  for (const uint64_t key : keys) {
    words_[(key - first) / kWordBits].bits |= uint64_t{1} << (key - first) % kWordBits;
  }
  unique->resize(HWY_DYNAMIC_DISPATCH(CountRanks)(absl::MakeSpan(words_)));
  HWY_DYNAMIC_DISPATCH(ListKeys)(words_, first, unique->data());
  HWY_DYNAMIC_DISPATCH(FindRanks)(keys, first, words_, index);
}

}  // namespace paramd
#endif  // HWY_ONCE
