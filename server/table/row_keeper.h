#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "server/table/changed_blocks.h"
#include "server/table/count_min_sketch.h"
#include "server/table/hasher.h"
#include "server/table/removed_rows.h"
#include "server/table/row_table.h"

namespace paramd {

// Which keys of a shard have a row (config.proto, Rows); every number is the shard's part.
struct RowRules {
  // The push that is the so-manieth to a key gives it its row.
  uint32_t min_count = 1;
  size_t sketch_bytes = 0;
  // Rows that were not pushed to for so many clocks are removed; 0: none are.
  uint64_t ttl = 0;
  // 0: no limit.
  uint64_t max_rows = 0;
  // What parameters are multiplied by whenever the clock comes to a multiple of decay_every.
  double decay = 1;
  uint64_t decay_every = 1;

  // Whether rows have to say when they were last pushed to.
  bool NeedStamps() const { return ttl > 0 || max_rows > 0 || decay < 1; }
  // Whether there is anything to do.
  bool Any() const { return min_count > 1 || NeedStamps(); }
};

// Gives and takes the rows of a shard by its rules. Replicas agree when they are told which rows
// were removed. A row's last float32 is its stamp when the rules need stamps: the low
// 32 bits of the clock when it was last pushed to. Clocks do not go back. The row of
// the one key whose hash is 0 stays. Not thread-safe.
class RowKeeper {
 public:
  // `table`: rows of `width`, the stamp among them. `changed`: rows that are removed are marked
  // there. Both are borrowed.
  RowKeeper(const RowRules& rules, RowTable* table, size_t width, ChangedBlocks* changed);

  // Goes on with the rows of another table, of the same width.
  void SetTable(RowTable* table) { table_ = table; }

  // Whether a hash without a row gets one with this push.
  bool Admit(uint64_t hash);

  // The row, with its first `dim` values parameters, is pushed to at `clock`.
  void Touch(float* row, size_t dim, uint64_t clock) const;

  // What the row's parameters are to be multiplied by when they are read at `clock`.
  bool fades() const { return rules_.decay < 1; }
  float FadeOf(const float* row, uint64_t clock) const;

  // Keys that may be pushed to at once, for FreeRows to be able to make room for all of them.
  size_t MostAtOnce() const;

  // Whether rows are removed for every one that is added, so that there are never more.
  bool IsFull() const { return rules_.max_rows > 0 && table_->size() >= rules_.max_rows; }

  // Removes rows until `more` can be added: each time the one that was pushed to least recently of
  // the rows in some buckets drawn at random, as Redis does (redis.io, "Key eviction", approximated
  // LRU). Rows may move when true is returned. What is removed is noted in `removed`, unless it is
  // null, as of row `at`.
  bool FreeRows(size_t more, uint64_t clock, uint32_t at = 0, RemovedRows* removed = nullptr);

  // Looks at some rows, more than the `pushed` that were pushed to, for those whose time is over,
  // and removes them: a row goes at the latest when the shard has been pushed to as many rows as it
  // has.
  void Sweep(size_t pushed, uint64_t clock, RemovedRows* removed = nullptr);

  // Instead of FreeRows and Sweep: removes what another replica removed as of row `at`, from entry
  // *next on, which is moved behind it. Returns whether there was anything.
  bool Follow(const RemovedRows& removed, uint32_t at, size_t* next);

  // Null: keys have rows from the first push on.
  CountMinSketch* sketch() { return sketch_.has_value() ? &*sketch_ : nullptr; }
  const CountMinSketch* sketch() const { return sketch_.has_value() ? &*sketch_ : nullptr; }

  size_t bytes() const { return sketch_.has_value() ? sketch_->bytes() : 0; }
  void AddTo(Hasher& hasher) const;

 private:
  void Remove(uint64_t hash);
  void Remove(uint64_t hash, uint32_t at, RemovedRows* removed);
  // Clocks since the last push to the row.
  uint32_t AgeOf(const float* row, uint64_t clock) const;

  const RowRules rules_;
  RowTable* table_;
  const size_t width_;
  ChangedBlocks* const changed_;
  std::optional<CountMinSketch> sketch_;
  uint64_t draws_ = 0;
  std::vector<uint64_t> expired_;  // scratch
};

}  // namespace paramd
