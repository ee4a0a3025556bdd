#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/base/attributes.h"
#include "server/table/bucket_array.h"

namespace paramd {

// The row numbers of a shard's keys. Keys come with their hashes (HashKey), whose top part they
// have in common (ShardOfHash), whose middle part leads through a directory to one of many small
// tables, and whose low half to the bucket there. When a table is full its keys move to one that is
// 1/8 to 1/4 larger, or, from 8 MiB on, to two: no call moves more than that, and the whole is 68
// to 85 % full at any size (Fagin et al., "Extendible hashing", ACM TODS 4 (1979), with tables that
// grow before they split). Not thread-safe.
class KeyIndex {
 public:
  static constexpr uint32_t kNone = BucketArray::kNone;

  // Of shard `shard` of `shards`.
  KeyIndex(uint32_t shard, uint32_t shards);

  // Before Find or Insert, to have what they look at in the cache.
  ABSL_ATTRIBUTE_ALWAYS_INLINE void Prefetch(uint64_t hash) const { TableOf(hash).Prefetch(hash); }

  // The row of `key`, or kNone.
  uint32_t Find(uint64_t hash, uint64_t key) const { return TableOf(hash).Find(hash, key); }

  // `key` is not there. Throws std::bad_alloc; nothing was changed.
  void Insert(uint64_t hash, uint64_t key, uint32_t row);

  // Calls visit(key, row) for each key, in no particular order.
  template <typename Visitor>
  void ForEach(const Visitor& visit) const {
    for (const auto& part : parts_) part->table.ForEach(visit);
  }

  uint64_t size() const { return size_; }
  size_t bytes() const;

 private:
  // The keys whose place begins with the `depth` bits `prefix`.
  struct Part {
    BucketArray table;
    int depth = 0;
    uint64_t prefix = 0;
  };

  // Where a hash lies within its shard, as a fraction of 2^64.
  uint64_t PlaceOf(uint64_t hash) const { return hash * shards_; }
  // Shifted twice, for depth_ may be 0.
  size_t EntryOf(uint64_t hash) const { return PlaceOf(hash) >> 1 >> (63 - depth_); }
  const BucketArray& TableOf(uint64_t hash) const { return directory_[EntryOf(hash)]->table; }

  // Makes room in a part that is full.
  void Grow(Part& part);
  // Moves one half of the part's keys to a new part; `buckets` for both together.
  void Split(Part& part, uint32_t buckets);

  const uint32_t shard_;
  const uint64_t shards_;
  uint64_t size_ = 0;
  int depth_ = 0;                             // the directory has 1 << depth_ entries
  std::vector<Part*> directory_;              // by the first depth_ bits of the place
  std::vector<std::unique_ptr<Part>> parts_;  // each of them; the directory borrows them
};

}  // namespace paramd
