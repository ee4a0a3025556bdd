#pragma once

#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>

#include "absl/base/attributes.h"
#include "server/table/page_memory.h"

namespace paramd {

// An open-addressing hash table from keys to row numbers, of a fixed size: buckets of one cache
// line, linear probing from bucket to bucket. A bucket fills from its front; a search ends at the
// first bucket that is not full. Keys lie in the order of the low half of their hashes (as well as
// buckets allow), so copying one table to another runs through both from begin to end.
// Not thread-safe.
class BucketArray {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;  // no row

  // `buckets` > 0.
  explicit BucketArray(uint32_t buckets)
      : memory_(buckets * sizeof(Bucket), /*huge=*/true), buckets_(buckets) {}

  // Always inline, for g++ takes a function that only prefetches for one without effect, and leaves
  // out its calls.
  ABSL_ATTRIBUTE_ALWAYS_INLINE void Prefetch(uint64_t hash) const {
    __builtin_prefetch(&bucket(Home(hash)));
  }

  // The row of `key`, whose hash is given, or kNone.
  uint32_t Find(uint64_t hash, uint64_t key) const {
    for (uint32_t at = Home(hash);; at = After(at)) {
      const Bucket& bucket = this->bucket(at);
      if (const uint32_t match = bucket.Match(key)) return bucket.rows[std::countr_zero(match)];
      if (bucket.size < kSlots) return kNone;
    }
  }

  // `key` is not there and full() is false.
  void Insert(uint64_t hash, uint64_t key, uint32_t row) {
    assert(!full());
    uint32_t at = Home(hash);
    while (bucket(at).size == kSlots) at = After(at);
    Bucket& bucket = this->bucket(at);
    bucket.keys[bucket.size] = key;
    bucket.rows[bucket.size] = row;
    ++bucket.size;
    ++size_;
  }

  // Whether it has as many keys as it can take: 85 % of its slots.
  bool full() const { return size_ >= buckets_ * uint64_t{17} / 4; }

  // Calls visit(key, row) for each key.
  template <typename Visitor>
  void ForEach(const Visitor& visit) const {
    for (uint32_t at = 0; at < buckets_; ++at) {
      const Bucket& bucket = this->bucket(at);
      for (uint32_t i = 0; i < bucket.size; ++i) visit(bucket.keys[i], bucket.rows[i]);
    }
  }

  uint32_t buckets() const { return buckets_; }
  uint64_t size() const { return size_; }
  size_t bytes() const { return memory_.bytes(); }

 private:
  static constexpr uint32_t kSlots = 5;

  struct alignas(64) Bucket {
    uint64_t keys[kSlots];
    uint32_t rows[kSlots];
    uint32_t size;

    // Bit i: the key is in slot i.
    uint32_t Match(uint64_t key) const {
      const uint32_t equal = uint32_t{keys[0] == key} | uint32_t{keys[1] == key} << 1 |
                             uint32_t{keys[2] == key} << 2 | uint32_t{keys[3] == key} << 3 |
                             uint32_t{keys[4] == key} << 4;
      return equal & ((1u << size) - 1);
    }
  };
  static_assert(sizeof(Bucket) == 64);

  uint32_t Home(uint64_t hash) const {
    return static_cast<uint32_t>((uint64_t{static_cast<uint32_t>(hash)} * buckets_) >> 32);
  }
  uint32_t After(uint32_t at) const { return at + 1 == buckets_ ? 0 : at + 1; }

  Bucket& bucket(uint32_t at) { return static_cast<Bucket*>(memory_.data())[at]; }
  const Bucket& bucket(uint32_t at) const { return static_cast<const Bucket*>(memory_.data())[at]; }

  PageMemory memory_;  // Bucket[buckets_]; zeros are empty buckets
  uint32_t buckets_;
  uint64_t size_ = 0;
};

}  // namespace paramd
