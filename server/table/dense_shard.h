#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/functional/function_ref.h"
#include "common/routing/shard_of.h"
#include "server/optimizer/step.h"
#include "server/table/shard.h"

namespace paramd {

// Consecutive rows of a dense table; all of them exist from the beginning. Blocks are of as few
// consecutive rows as give no more than ChangedBlocks::kBlocks, the last one of what is left.
class DenseShard final : public Shard {
 public:
  // `range`: the shard's rows.
  DenseShard(RowRange range, uint32_t dim, const Initializer& initializer,
             std::shared_ptr<const Optimizer> optimizer);

  absl::Status CheckRows(RowSet* rows, uint64_t* hashes) const override;

 private:
  void ApplyLocked(const RowSet& rows, FloatSource& gradients, const Update& update) override
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  SortedSum SumOf(absl::Span<const WeightedPush> pushes) const override;
  void ApplySumLocked(const SortedSum& sum, const Update& update) override
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CopyRowsTo(ShardState* state) const override ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  uint64_t BlocksLocked() const override ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return (range_.end - range_.begin + rows_of_block_ - 1) / rows_of_block_;
  }
  bool RestoreRows(const ShardState& state) override ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void LoadLocked(const RowSet& rows, const float* values) override
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void PullLocked(const RowSet& rows, FloatSink& out) const override
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // All rows are there from the beginning.
  bool GrowsLocked(const RowSet&) const override ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return false;
  }
  ShardSize SizeLocked() const override ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  ShardSnapshot SnapshotLocked() const override ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AddRowsTo(Hasher& hasher) const override ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Updates `size` values from `offset` on. `gradients`: float32[size], at any alignment.
  void ApplyRun(uint64_t offset, const void* gradients, uint64_t size, const Update& update)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The same row by row, each with what was pulled of it.
  void ApplyRunByRow(uint64_t offset, const void* gradients, uint64_t size, const Update& update)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // `pulled`: as of Optimizer::Apply.
  void Apply(uint64_t offset, const void* gradients, uint64_t size, const Step& step,
             const float* pulled) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Rows [begin, end) of the table, which were changed.
  void MarkRows(uint64_t begin, uint64_t end) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Calls visit(offset, size) for each run of parameters in the state's blocks; false: a block is
  // beyond the end.
  bool ForEachRun(const ShardState& state,
                  absl::FunctionRef<void(uint64_t offset, uint64_t size)> visit) const;
  // Where a row of the table begins in parameters_ and in each slot of state_.
  uint64_t OffsetOf(uint64_t row) const { return (row - range_.begin) * dim(); }

  const RowRange range_;
  const uint64_t rows_of_block_;
  std::vector<float> parameters_ ABSL_GUARDED_BY(mutex_);  // [rows][dim]
  std::vector<float> state_ ABSL_GUARDED_BY(mutex_);       // [slots][rows][dim]
};

}  // namespace paramd
