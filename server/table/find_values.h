#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/base/attributes.h"
#include "absl/types/span.h"
#include "server/table/bucket_array.h"

namespace paramd {

// A row of `kWidth` float32 that lies in the bucket of its key.
template <size_t kWidth>
using ShortRow = std::array<float, kWidth>;

// Which table a hash is in: 1 << depth entries, by the first bits of the place of a hash within its
// shard. Borrows them.
template <typename Value>
struct BucketDirectory {
  const BucketSpan<Value>* tables = nullptr;
  uint64_t shards = 1;  // the place is hash * shards, as a fraction of 2^64
  int depth = 0;
  Value* of_zero = nullptr;  // the value of hash 0, which marks free slots in the tables, or null

  size_t EntryOf(uint64_t hash) const {
    return hash * shards >> 1 >> (63 - depth);  // shifted twice, for depth may be 0
  }
  // Always inline, for g++ takes a function that only prefetches for one without effect, and leaves
  // out its calls.
  ABSL_ATTRIBUTE_ALWAYS_INLINE void Prefetch(uint64_t hash) const {
    __builtin_prefetch(tables[EntryOf(hash)].Home(hash));
  }
};

// Most hashes that one call looks up.
inline constexpr size_t kMaxFound = 256;

// Looks up hashes[0, count), count <= kMaxFound: values[i] is where its value lies, or null.
// Meanwhile buckets of the kLookAhead hashes that follow, as far as there are any, are brought into
// the cache. In code for this CPU.
void FindValues(const BucketDirectory<uint32_t>& directory, absl::Span<const uint64_t> hashes,
                size_t count, uint32_t** values);
void FindValues(const BucketDirectory<ShortRow<1>>& directory, absl::Span<const uint64_t> hashes,
                size_t count, ShortRow<1>** values);
void FindValues(const BucketDirectory<ShortRow<2>>& directory, absl::Span<const uint64_t> hashes,
                size_t count, ShortRow<2>** values);
void FindValues(const BucketDirectory<ShortRow<3>>& directory, absl::Span<const uint64_t> hashes,
                size_t count, ShortRow<3>** values);

// So many hashes before one is looked up, its bucket is brought into the cache.
inline constexpr size_t kLookAhead = 40;

}  // namespace paramd
