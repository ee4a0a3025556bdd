#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "server/table/row_arena.h"
#include "server/table/shard.h"

namespace paramd {

// The rows of the keys that ShardOfKey gives to one shard; a row is created by the first push to
// its key.
class SparseShard final : public Shard {
 public:
  // Shard `shard` of `shards`.
  SparseShard(uint32_t shard, uint32_t shards, uint32_t dim, const Initializer& initializer,
              std::shared_ptr<const Optimizer> optimizer);

  absl::Status CheckRows(const RowSet& rows) const override;

 private:
  void ApplyLocked(const RowSet& rows, const float* gradients, uint64_t examples) override
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ApplySumLocked(absl::Span<const WeightedPush> pushes, uint64_t examples) override
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void PullLocked(const RowSet& rows, float* out) const override
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  ShardSize SizeLocked() const override ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  ShardSnapshot SnapshotLocked() const override ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AddRowsTo(Hasher& hasher) const override ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // The row of `key`, created with its initial values when it is not there.
  float* RowOf(uint64_t key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::vector<uint64_t> SortedKeys() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const uint32_t shard_;
  const uint32_t shards_;
  absl::flat_hash_map<uint64_t, uint64_t> index_ ABSL_GUARDED_BY(mutex_);  // key -> row of rows_
  RowArena rows_ ABSL_GUARDED_BY(mutex_);  // a row: parameters[dim], state[slots][dim]
};

}  // namespace paramd
