#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "server/optimizer/step.h"
#include "server/table/row_keeper.h"
#include "server/table/row_table.h"
#include "server/table/shard.h"

namespace paramd {

// The rows of the keys that ShardOfKey gives to one shard, fewer than 2^32; a row is created by the
// first push to its key. Keys are looked up in batches. Blocks are of hashes that end alike.
class SparseShard final : public Shard {
 public:
  // Shard `shard` of `shards`.
  SparseShard(uint32_t shard, uint32_t shards, uint32_t dim, const Initializer& initializer,
              std::shared_ptr<const Optimizer> optimizer, const RowRules& rules = {});

  absl::Status CheckRows(RowSet* rows, uint64_t* hashes) const override;

 private:
  void ApplyLocked(const RowSet& rows, FloatSource& gradients, const Update& update) override
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  SortedSum SumOf(absl::Span<const WeightedPush> pushes) const override;
  void ApplySumLocked(const SortedSum& sum, const Update& update) override
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CopyRowsTo(ShardState* state) const override ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  uint64_t BlocksLocked() const override ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool RestoreRows(const ShardState& state) override ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void LoadLocked(const RowSet& rows, const float* values) override
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void PullLocked(const RowSet& rows, FloatSink& out) const override
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool GrowsLocked(const RowSet& rows) const override ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  ShardSize SizeLocked() const override ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  ShardSnapshot SnapshotLocked() const override ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AddRowsTo(Hasher& hasher) const override ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Removes the rows in the state's blocks but those of the hashes `stay`.
  void RemoveOthers(const ShardState& state, absl::Span<const uint64_t> stay)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Rows that are looked up together: their gradients come in one piece, unless one row is longer.
  size_t RowsAtOnce() const;
  // The same for rows that are changed, which there must be room for.
  size_t RowsToChange() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // What a row that was added holds before its first update.
  void BeginRow(uint64_t key, float* row) const;
  // The rows of the first of at most kMaxBatch keys, created with their initial values where they
  // are not there; returns their number, at least one. `hashes`: of the keys and those after them.
  size_t RowsOf(absl::Span<const uint64_t> keys, absl::Span<const uint64_t> hashes, float** rows)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The same for at most MostAtOnce() keys, as the keeper or `update` decides: keys without a row
  // get one of sink_. `at`: how many rows of the operation came before; `next`: as of Follow.
  void KeptRowsOf(absl::Span<const uint64_t> keys, absl::Span<const uint64_t> hashes,
                  const Update& update, uint32_t at, size_t* next, float** rows)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // What a row is multiplied by for a pull.
  float FadeOf(const float* row) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // What PulledBy says of each key, in `scratch`, which is as long; null: of none.
  const float* const* PulledOf(absl::Span<const uint64_t> keys, const Update& update,
                               const float** scratch) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The optimizer over one row longer than FloatSource::kMaxRun. `pulled`: what PulledBy says.
  void ApplyLongRow(float* row, const float* pulled, FloatSource& gradients, const Step& step)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Writes rows that were found, or (null) are not there.
  void WriteRows(absl::Span<const uint64_t> keys, const float* const* found, FloatSink& out) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The same for one row longer than FloatSink::kMaxRun.
  void WriteLongRow(uint64_t key, const float* row, FloatSink& out) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Keys in ascending order, each with its row.
  std::vector<std::pair<uint64_t, const float*>> SortedRows() const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const uint32_t shard_;
  const uint32_t shards_;
  const size_t width_;  // of a row: parameters[dim], state[slots][dim], and the keeper's stamp
  const RowRules rules_;
  std::unique_ptr<RowTable> rows_ ABSL_GUARDED_BY(mutex_) ABSL_PT_GUARDED_BY(mutex_);
  // None: every key that is pushed to has a row.
  std::optional<RowKeeper> keeper_ ABSL_GUARDED_BY(mutex_);
  // Rows that gradients for keys without a row are wasted on.
  std::vector<float> sink_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace paramd
