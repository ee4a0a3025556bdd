#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "server/table/find_values.h"

namespace paramd {

// The rows of a sparse shard by the hashes of their keys (HashKey, a bijection). Hashes are looked
// up in batches. Not thread-safe.
class RowTable {
 public:
  // Most hashes that are looked up by one call.
  static constexpr size_t kMaxBatch = kMaxFound;

  // For shard `shard` of `shards`, with fewer than 2^32 rows of `width` (> 0) float32. Rows of up
  // to 3 lie in the cache line where their hash is found; longer ones lie apart and never move.
  static std::unique_ptr<RowTable> Create(uint32_t shard, uint32_t shards, size_t width);

  virtual ~RowTable() = default;

  // Before the first of a series of calls of Find: brings what that looks at into the cache.
  virtual void Prefetch(absl::Span<const uint64_t> hashes) const = 0;

  // Looks up hashes[0, count), `count` <= kMaxBatch: rows[i] is the row or null, until the next
  // MakeRoom. The hashes from `count` on are those that will be looked up next. Brings the rows
  // into the cache.
  virtual void Find(absl::Span<const uint64_t> hashes, size_t count, float** rows) const = 0;

  // Whether a row can be added for the hash without MakeRoom.
  virtual bool HasRoom(uint64_t hash) const = 0;

  // About how many rows can be added in the memory that is there.
  virtual uint64_t room() const = 0;

  // While there are no rows: makes room for so many, which may come in the order of ForEach of a
  // table of the same shard. Throws std::bad_alloc; nothing was changed.
  virtual void Reserve(uint64_t rows) = 0;

  // Makes room for the hash; rows may move. Throws std::bad_alloc; nothing was changed.
  virtual void MakeRoom(uint64_t hash) = 0;

  // The row, all zero, for a hash that had none and has room. No other row moves. Throws
  // std::bad_alloc; nothing was changed.
  virtual float* Add(uint64_t hash) = 0;

  // Removes the row of a hash that has one; others may move. Its memory is used for rows to come.
  virtual void Remove(uint64_t hash) = 0;

  using Visitor = absl::FunctionRef<void(uint64_t hash, const float* row)>;

  // Calls visit for the rows of `buckets` buckets after those of the last call, round and round.
  // Few rows of a round in which rows are removed or added may be missed. The row of hash 0 always
  // is.
  virtual void Scan(uint64_t buckets, const Visitor& visit) = 0;

  // Calls visit for the rows of the bucket that a random number falls on; there may be none.
  virtual void Sample(uint64_t draw, const Visitor& visit) const = 0;

  // Calls visit(hash, row) for each row, in no particular order.
  virtual void ForEach(const Visitor& visit) const = 0;

  virtual uint64_t size() const = 0;  // rows
  virtual size_t bytes() const = 0;   // rows and index
};

}  // namespace paramd
