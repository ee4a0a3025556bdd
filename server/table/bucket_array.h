#pragma once

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/base/attributes.h"
#include "server/table/page_memory.h"

namespace paramd {

// A cache line of a hash table: hashes of keys and a value with each. Values are plain memory that
// may begin as zeros. Hash 0 is a free slot; slots fill from the front.
template <typename Value>
struct alignas(64) Bucket {
  static constexpr uint32_t kSlots = 64 / (sizeof(uint64_t) + sizeof(Value));

  std::array<uint64_t, kSlots> hashes;
  std::array<Value, kSlots> values;

  bool full() const { return hashes[kSlots - 1] != 0; }
};

// Buckets in a row. Borrows them.
template <typename Value>
struct BucketSpan {
  Bucket<Value>* data = nullptr;
  uint32_t size = 0;

  // Where the search for a hash begins: in the order of the low half of the hashes.
  ABSL_ATTRIBUTE_ALWAYS_INLINE Bucket<Value>* Home(uint64_t hash) const {
    return data + ((uint64_t{static_cast<uint32_t>(hash)} * size) >> 32);
  }
  // Where it goes on after a bucket that is full.
  Bucket<Value>* After(Bucket<Value>* bucket) const {
    return ++bucket == data + size ? data : bucket;
  }
};

// An open-addressing hash table of a fixed size, from hashes but 0 to values: buckets of one cache
// line, linear probing from bucket to bucket. A search ends at the first bucket that is not full.
// Hashes lie in the order of their low halves (as well as buckets allow), so copying one table to
// another runs through both from begin to end. Not thread-safe.
template <typename Value>
class BucketArray {
 public:
  // `buckets` > 0.
  explicit BucketArray(uint32_t buckets)
      : memory_(buckets * sizeof(Bucket<Value>), /*huge=*/true), buckets_(buckets) {
    static_assert(sizeof(Bucket<Value>) == 64);
  }

  // Takes a hash that is not there, while full() is false. The value stays where it is; it is zero.
  Value* Insert(uint64_t hash) {
    assert(hash != 0 && !full());
    const BucketSpan<Value> all = span();
    Bucket<Value>* bucket = all.Home(hash);
    while (bucket->full()) bucket = all.After(bucket);
    size_t slot = 0;  // counted, not searched for: that would be a branch that cannot be foreseen
    for (const uint64_t there : bucket->hashes) slot += there != 0;
    bucket->hashes[slot] = hash;
    ++size_;
    return &bucket->values[slot];
  }

  // Takes out a hash that is there, and returns its value. Other values of the table may move.
  Value Remove(uint64_t hash) {
    const BucketSpan<Value> all = span();
    Bucket<Value>* bucket = all.Home(hash);
    size_t slot;
    while ((slot = SlotOf(*bucket, hash)) == Bucket<Value>::kSlots) bucket = all.After(bucket);
    const Value removed = bucket->values[slot];
    --size_;
    while (bucket != nullptr) {
      const bool was_full = bucket->full();
      const size_t last = SlotsTaken(*bucket) - 1;
      Move(*bucket, last, *bucket, slot);
      bucket->hashes[last] = 0;
      bucket->values[last] = {};
      // Nobody has gone past a bucket that had a free slot.
      if (!was_full) break;
      bucket = FillFromBehind(bucket, last, &slot);
    }
    return removed;
  }

  // Calls visit(hash, value) for each hash in buckets [first, last), last <= buckets().
  template <typename Visitor>
  void ForEachIn(uint32_t first, uint32_t last, const Visitor& visit) const {
    for (uint32_t at = first; at < last; ++at) {
      const Bucket<Value>& bucket = span().data[at];
      for (size_t i = 0; i < Bucket<Value>::kSlots && bucket.hashes[i] != 0; ++i) {
        visit(bucket.hashes[i], bucket.values[i]);
      }
    }
  }

  // The hashes that `buckets` can take: 3/4 of the slots, and never all of them.
  static uint64_t CapacityOf(uint32_t buckets) {
    return uint64_t{buckets} * Bucket<Value>::kSlots * 3 / 4;
  }
  // Fewest buckets that can take so many.
  static uint32_t BucketsFor(uint64_t hashes) {
    constexpr uint64_t kOfFour = Bucket<Value>::kSlots * 3;
    return static_cast<uint32_t>((hashes * 4 + kOfFour - 1) / kOfFour);
  }

  // Whether it has as many hashes as it can take.
  bool full() const { return size_ >= CapacityOf(buckets_); }
  // Hashes that can be inserted until it is.
  uint64_t room() const { return CapacityOf(buckets_) - std::min(size_, CapacityOf(buckets_)); }

  // Calls visit(hash, value) for each hash.
  template <typename Visitor>
  void ForEach(const Visitor& visit) const {
    // Some buckets together are first freed of their free slots, without branches.
    constexpr uint32_t kTogether = 16;
    const Bucket<Value>* const buckets = span().data;
    std::pair<uint64_t, const Value*> taken[kTogether * Bucket<Value>::kSlots + 1];
    for (uint32_t first = 0; first < buckets_; first += kTogether) {
      size_t n = 0;
      for (uint32_t at = first; at < std::min(first + kTogether, buckets_); ++at) {
        for (size_t i = 0; i < Bucket<Value>::kSlots; ++i) {
          taken[n] = {buckets[at].hashes[i], &buckets[at].values[i]};
          n += buckets[at].hashes[i] != 0;
        }
      }
      for (size_t i = 0; i < n; ++i) visit(taken[i].first, *taken[i].second);
    }
  }

  BucketSpan<Value> span() const {
    return {.data = static_cast<Bucket<Value>*>(memory_.data()), .size = buckets_};
  }
  uint32_t buckets() const { return buckets_; }
  uint64_t size() const { return size_; }
  size_t bytes() const { return memory_.bytes(); }

 private:
  // Its slot, or kSlots.
  static size_t SlotOf(const Bucket<Value>& bucket, uint64_t hash) {
    return static_cast<size_t>(std::find(bucket.hashes.begin(), bucket.hashes.end(), hash) -
                               bucket.hashes.begin());
  }
  static size_t SlotsTaken(const Bucket<Value>& bucket) { return SlotOf(bucket, 0); }

  static void Move(const Bucket<Value>& from, size_t from_slot, Bucket<Value>& to, size_t to_slot) {
    to.hashes[to_slot] = from.hashes[from_slot];
    to.values[to_slot] = from.values[from_slot];
  }

  // Moves into the free `slot` of a bucket that was full the first hash behind it whose search
  // begins at it or before. Returns that hash's bucket and slot; null: there is none.
  Bucket<Value>* FillFromBehind(Bucket<Value>* bucket, size_t slot, size_t* from_slot) {
    const BucketSpan<Value> all = span();
    const auto distance = [&](const Bucket<Value>* from, const Bucket<Value>* to) {
      return to >= from ? to - from : to - from + static_cast<ptrdiff_t>(all.size);
    };
    for (Bucket<Value>* from = all.After(bucket); from != bucket; from = all.After(from)) {
      const size_t taken = SlotsTaken(*from);
      for (size_t i = 0; i < taken; ++i) {
        const Bucket<Value>* const home = all.Home(from->hashes[i]);
        if (distance(home, bucket) > distance(home, from)) continue;
        Move(*from, i, *bucket, slot);
        *from_slot = i;
        return from;
      }
      if (taken < Bucket<Value>::kSlots) return nullptr;
    }
    return nullptr;
  }

  PageMemory memory_;  // Bucket[buckets_]; zeros are empty buckets
  uint32_t buckets_;
  uint64_t size_ = 0;
};

}  // namespace paramd
