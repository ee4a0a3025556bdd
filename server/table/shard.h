#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "common/base/mutex.h"
#include "common/math/initializer.h"
#include "common/wire/floats.h"
#include "server/optimizer/optimizer.h"
#include "server/optimizer/step.h"
#include "server/table/hasher.h"
#include "server/table/pulled_rows.h"
#include "server/table/rows.h"
#include "server/table/sequence_marks.h"
#include "server/table/step_buffer.h"

namespace paramd {

// What became of a push; every one of them is acknowledged.
enum class PushOutcome {
  kTaken,
  kDuplicate,  // had been taken before; not applied again
  kLate,       // its synchronous step is closed; not applied
};

struct ShardSize {
  uint64_t rows = 0;
  uint64_t bytes = 0;  // parameters, optimizer state, index, and rows kept for who pulled them
};

// Every row of a shard, without optimizer state.
struct ShardSnapshot {
  uint32_t dim = 0;
  std::vector<uint64_t> keys;  // sparse: ascending; dense: empty
  std::vector<float> values;   // float32[rows][dim]
};

// A fixed part of a table: the unit of locking, placement and, later, replication. Thread-safe;
// what one call changes is seen whole by others. Applying is deterministic to the bit.
//
// Gradients and values are float32[rows.count][dim]. `rows` must have passed CheckRows.
class Shard {
 public:
  virtual ~Shard() = default;
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  uint32_t dim() const { return dim_; }

  // INVALID_ARGUMENT: dense rows outside the shard; sparse keys that are not strictly ascending or
  // belong to another shard. Sparse: rows->keys.size() must be rows->count; their hashes are
  // written to hashes[0, count), and rows borrow them from then on. Takes no lock.
  virtual absl::Status CheckRows(RowSet* rows, uint64_t* hashes) const = 0;

  // Applies gradients at once, unless they were taken before; then they are only read. They are
  // finite.
  PushOutcome Push(const PushId& id, const RowSet& rows, FloatSource& gradients,
                   const GradientInfo& info = {});

  // Keeps gradients until the synchronous step `step` closes, unless they were taken before; then
  // they are only read.
  PushOutcome Accumulate(const PushId& id, uint64_t step, const RowSet& rows,
                         FloatSource& gradients);

  // Applies the mean gradient of step `step` once to every row that a contributor touched:
  //   g = sum over contributors i of weight_i g_i     (in double precision)
  // where g is the mean over `examples` examples of all contributors together.
  // `contributions`: ascending by client, so that the order of arrival makes no difference. Drops
  // every other push kept for this or an earlier step. No effect on a step that is closed.
  void CloseStep(uint64_t step, absl::Span<const Contribution> contributions,
                 uint64_t examples = 1);

  // Gives rows saved values, float32[rows.count][dim], as if they had begun there: the optimizer's
  // state is that of a beginning. Before any push.
  void Load(const RowSet& rows, const float* values);

  // Drops what the client pushed for synchronous steps from `from_step` on.
  void Discard(uint32_t client, uint64_t from_step);

  // Writes the current rows. Creates no row: an absent key answers its initial values.
  void Pull(const RowSet& rows, FloatSink& out) const;

  // The same for a client that will compute the gradients of step `clock` from these rows. Where
  // keeps_pulled(), they are remembered for that until the client is forgotten: as they are here,
  // whatever `out` rounds.
  void PullFor(uint32_t client, uint64_t clock, const RowSet& rows, FloatSink& out);
  void Forget(uint32_t client);

  // Whether the optimizer looks at what clients have pulled.
  bool keeps_pulled() const { return optimizer_->uses_pulled(); }

  ShardSize Size() const;
  ShardSnapshot Snapshot() const;

  // XXH3 of the whole state: rows, optimizer state, marks, kept pushes and pulled rows. Equal for
  // equal states, however they came about.
  uint64_t Digest() const;

 protected:
  // What the gradients of one call have in common.
  struct Update {
    Step step;
    std::optional<uint32_t> client;  // who computed them, if it was one
    uint64_t clock = 0;
  };

  // The optimizer is shared with the other shards of the table.
  Shard(uint32_t dim, const Initializer& initializer, std::shared_ptr<const Optimizer> optimizer)
      : dim_(dim), initializer_(initializer), optimizer_(std::move(optimizer)), pulled_(dim) {}

  const Initializer& initializer() const { return initializer_; }
  const Optimizer& optimizer() const { return *optimizer_; }

  // What the update's gradients of a row were computed from, where that is known and asked for;
  // otherwise null. `row`: key, or number in the table.
  const float* PulledBy(const Update& update, uint64_t row) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!update.client.has_value() || !keeps_pulled()) return nullptr;
    return pulled_.Find(*update.client, update.clock, row);
  }

  virtual void ApplyLocked(const RowSet& rows, FloatSource& gradients, const Update& update)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) = 0;
  virtual void LoadLocked(const RowSet& rows, const float* values)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) = 0;
  // Applies the weighted sum, rows that several pushes touch once. `pushes` is not empty.
  virtual void ApplySumLocked(absl::Span<const WeightedPush> pushes, const Update& update)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) = 0;
  virtual void PullLocked(const RowSet& rows, FloatSink& out) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) = 0;
  virtual ShardSize SizeLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) = 0;
  virtual ShardSnapshot SnapshotLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) = 0;
  virtual void AddRowsTo(Hasher& hasher) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) = 0;

  // The largest clock of a push, or closed step, so far.
  uint64_t clock() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return clock_; }

  mutable Mutex mutex_;

 private:
  const uint32_t dim_;
  const Initializer initializer_;
  const std::shared_ptr<const Optimizer> optimizer_;
  SequenceMarks marks_ ABSL_GUARDED_BY(mutex_);
  StepBuffer buffer_ ABSL_GUARDED_BY(mutex_);
  uint64_t clock_ ABSL_GUARDED_BY(mutex_) = 0;
  PulledRows pulled_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace paramd
