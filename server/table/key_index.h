#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "server/table/bucket_array.h"
#include "server/table/find_values.h"

namespace paramd {

// What a shard keeps with each of its keys: a row, or the number of one. Keys are given as their
// hashes (HashKey, a bijection), whose top part they have in common (ShardOfHash), whose middle
// part leads through a directory to one of many small tables, and whose low half to the bucket
// there. When a table is full its hashes move to one of 2 to 2.5 times its size, from 1 MiB on to
// one that is 1/8 to 1/4 larger, or, from 3 to 6 MiB on, to two: no call moves more than that, and
// the whole is 60 to 75 % full when it is large (Fagin et al., "Extendible hashing", ACM TODS 4
// (1979), with tables that grow before they split). `Value`: uint32_t or a ShortRow of 1 to 3. Not
// thread-safe.
//
// Tables do not become smaller when hashes are taken out.
template <typename Value>
class KeyIndex {
 public:
  // Of shard `shard` of `shards`.
  KeyIndex(uint32_t shard, uint32_t shards);

  // Brings what Find looks at first into the cache.
  void Prefetch(absl::Span<const uint64_t> hashes) const {
    const BucketDirectory<Value> directory = this->directory();
    for (const uint64_t hash : hashes.subspan(0, kLookAhead)) directory.Prefetch(hash);
  }

  // Looks up hashes[0, count): values[i] is where its value lies until the next MakeRoom, or null.
  // The hashes from `count` on are those that will be looked up next.
  void Find(absl::Span<const uint64_t> hashes, size_t count, Value** values) const {
    FindValues(directory(), hashes, count, values);
  }

  // While there are no hashes: makes room for so many. Then they may come in the order of another
  // index's ForEach, whose beginning would crowd one end of a table that grows. Throws
  // std::bad_alloc; nothing was changed.
  void Reserve(uint64_t hashes);

  // Whether the hash can be inserted without MakeRoom.
  bool HasRoom(uint64_t hash) const { return !parts_[PartOf(hash)].table.full(); }

  // Moves values, so that the hash can be inserted. Throws std::bad_alloc; nothing was changed.
  void MakeRoom(uint64_t hash);

  // Takes a hash that is not there and has room. Its value, which is zero, lies there until the
  // next MakeRoom.
  Value* Insert(uint64_t hash);

  // Takes out a hash that is there, and returns its value. Moves values as MakeRoom does.
  Value Remove(uint64_t hash);

  // Calls visit(hash, value) for the hashes in the next `buckets` buckets after `position`, which
  // it moves on, from the end to the begin. Each hash is seen once in a round in which none is
  // taken out and no table grows. Hash 0 is not seen.
  struct Position {
    size_t part = 0;
    uint32_t bucket = 0;
  };
  template <typename Visitor>
  void Scan(uint64_t buckets, Position* position, const Visitor& visit) const {
    while (buckets > 0) {
      if (position->part >= parts_.size()) *position = {};
      const BucketArray<Value>& table = parts_[position->part].table;
      const uint32_t first = std::min(position->bucket, table.buckets());
      const auto last = static_cast<uint32_t>(std::min<uint64_t>(first + buckets, table.buckets()));
      table.ForEachIn(first, last, visit);
      // An empty table counts, too.
      buckets -= std::max<uint64_t>(last - first, 1);
      *position =
          last < table.buckets() ? Position{position->part, last} : Position{position->part + 1, 0};
    }
  }

  // The position that a random number falls on.
  Position At(uint64_t draw) const {
    const size_t part = draw % parts_.size();
    return {part, static_cast<uint32_t>((draw >> 32) * parts_[part].table.buckets() >> 32)};
  }

  // Calls visit(hash, value) for each hash, in no particular order.
  template <typename Visitor>
  void ForEach(const Visitor& visit) const {
    if (has_zero_) visit(uint64_t{0}, zero_);
    for (const Part& part : parts_) part.table.ForEach(visit);
  }

  uint64_t size() const { return size_; }
  // Hashes that can be inserted without MakeRoom when they fall evenly on the tables.
  uint64_t room() const;
  size_t bytes() const;

 private:
  // The hashes whose place begins with the `depth` bits `prefix`.
  struct Part {
    BucketArray<Value> table;
    int depth = 0;
    uint64_t prefix = 0;
  };

  BucketDirectory<Value> directory() const {
    return {.tables = tables_.data(),
            .shards = shards_,
            .depth = depth_,
            .of_zero = has_zero_ ? &zero_ : nullptr};
  }
  size_t PartOf(uint64_t hash) const { return part_of_entry_[directory().EntryOf(hash)]; }

  // The entries of a part's prefix lead to it.
  void Enter(size_t part);
  // Moves one half of the part's hashes to a new part.
  void Split(size_t part);
  // The buckets of a table that grows. Parts, and the shards of a table, have about the same number
  // of keys; each draws its own steps, so that they do not all grow, or split, at the same time.
  uint32_t Larger(uint64_t prefix, uint32_t buckets) const;

  const uint32_t shard_;
  const uint64_t shards_;
  uint64_t size_ = 0;
  bool has_zero_ = false;
  mutable Value zero_ = {};  // of hash 0; Find gives it out
  std::vector<Part> parts_;
  // By the first depth_ bits of the place: 1 << depth_ entries.
  int depth_ = 0;
  std::vector<BucketSpan<Value>> tables_;
  std::vector<uint32_t> part_of_entry_;
};

extern template class KeyIndex<uint32_t>;
extern template class KeyIndex<ShortRow<1>>;
extern template class KeyIndex<ShortRow<2>>;
extern template class KeyIndex<ShortRow<3>>;

}  // namespace paramd
