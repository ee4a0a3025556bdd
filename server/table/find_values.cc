#include "server/table/find_values.h"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/types/span.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "server/table/find_values.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace paramd {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The first slot with the hash, or kSlots.
template <typename Value>
HWY_INLINE uint32_t SlotOf(const Bucket<Value>& bucket, uint64_t hash) {
  constexpr uint32_t kSlots = Bucket<Value>::kSlots;
  // Whole vectors from the begin of the bucket, which reach into its values but not beyond it.
  const hn::CappedTag<uint64_t, kSlots <= 2 ? 2 : kSlots <= 4 ? 4 : 8> d;
  const auto wanted = hn::Set(d, hash);
  const auto* const hashes = reinterpret_cast<const uint64_t*>(&bucket);
  uint32_t equal = 1u << kSlots;
  for (uint32_t i = 0; i < kSlots; i += hn::Lanes(d)) {
    uint8_t bits[8] = {};
    hn::StoreMaskBits(d, hn::Eq(hn::Load(d, hashes + i), wanted), bits);
    equal |= uint32_t{bits[0]} << i;
  }
  return static_cast<uint32_t>(std::countr_zero(equal));
}

// Hashes of which some buckets were searched in vain.
template <typename Value>
struct Pending {
  uint32_t at[kMaxFound];
  Bucket<Value>* bucket[kMaxFound];
  size_t size = 0;
};

// Searches one bucket for hash number `at`. When it may be in the next, that is brought into the
// cache and becomes the last of `pending`. There are no branches, for which way they would go can
// not be foreseen.
template <typename Value>
HWY_INLINE void Search(const BucketSpan<Value>& table, uint64_t hash, uint32_t at,
                       Bucket<Value>* bucket, Value** values, Pending<Value>& pending) {
  constexpr uint32_t kSlots = Bucket<Value>::kSlots;
  const uint32_t slot = SlotOf(*bucket, hash);
  values[at] = slot < kSlots ? bucket->values.data() + slot : nullptr;
  const bool more = slot >= kSlots && bucket->full();
  Bucket<Value>* const next = more ? table.After(bucket) : bucket;
  __builtin_prefetch(next);
  pending.at[pending.size] = at;
  pending.bucket[pending.size] = next;
  pending.size += more;
}

template <typename Value>
HWY_INLINE void Find(const BucketDirectory<Value>& of, absl::Span<const uint64_t> hashes,
                     size_t count, Value** values) {
  const BucketDirectory<Value> directory = of;
  Pending<Value> pending;
  for (size_t i = 0; i < count; ++i) {
    if (i + kLookAhead < hashes.size()) directory.Prefetch(hashes[i + kLookAhead]);
    const uint64_t hash = hashes[i];
    if (HWY_UNLIKELY(hash == 0)) {
      values[i] = directory.of_zero;
      continue;
    }
    const BucketSpan<Value> table = directory.tables[directory.EntryOf(hash)];
    Search(table, hash, static_cast<uint32_t>(i), table.Home(hash), values, pending);
  }
  while (pending.size > 0) {
    const size_t size = std::exchange(pending.size, 0);
    for (size_t i = 0; i < size; ++i) {
      const uint32_t at = pending.at[i];
      Search(directory.tables[directory.EntryOf(hashes[at])], hashes[at], at, pending.bucket[i],
             values, pending);
    }
  }
}

#define PARAMD_FIND(NAME, VALUE)                                                        \
  void NAME(const BucketDirectory<VALUE>& directory, absl::Span<const uint64_t> hashes, \
            size_t count, VALUE** values) {                                             \
    Find(directory, hashes, count, values);                                             \
  }
PARAMD_FIND(FindNumbers, uint32_t)
PARAMD_FIND(FindRows1, ShortRow<1>)
PARAMD_FIND(FindRows2, ShortRow<2>)
PARAMD_FIND(FindRows3, ShortRow<3>)
#undef PARAMD_FIND

}  // namespace HWY_NAMESPACE
}  // namespace paramd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace paramd {
HWY_EXPORT(FindNumbers);
HWY_EXPORT(FindRows1);
HWY_EXPORT(FindRows2);
HWY_EXPORT(FindRows3);

#define PARAMD_FIND(NAME, VALUE)                                                              \
  void FindValues(const BucketDirectory<VALUE>& directory, absl::Span<const uint64_t> hashes, \
                  size_t count, VALUE** values) {                                             \
    HWY_DYNAMIC_DISPATCH(NAME)(directory, hashes, count, values);                             \
  }
PARAMD_FIND(FindNumbers, uint32_t)
PARAMD_FIND(FindRows1, ShortRow<1>)
PARAMD_FIND(FindRows2, ShortRow<2>)
PARAMD_FIND(FindRows3, ShortRow<3>)
#undef PARAMD_FIND

}  // namespace paramd
#endif  // HWY_ONCE
