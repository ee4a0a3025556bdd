#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "common/base/mutex.h"
#include "common/math/initializer.h"
#include "common/wire/floats.h"
#include "server/optimizer/optimizer.h"
#include "server/optimizer/step.h"
#include "server/table/changed_blocks.h"
#include "server/table/hasher.h"
#include "server/table/pulled_rows.h"
#include "server/table/removed_rows.h"
#include "server/table/rows.h"
#include "server/table/sequence_marks.h"
#include "server/table/shard_state.h"
#include "server/table/sorted_sum.h"
#include "server/table/step_buffer.h"

namespace paramd {

// What became of a push; every one of them is acknowledged.
enum class PushOutcome {
  kTaken,
  kDuplicate,  // had been taken before; not applied again
  kLate,       // its synchronous step is closed; not applied
  kNotServed,  // not acknowledged: another server serves the shard now
};

// A server that gets every operation of a shard.
struct ReplicaTarget {
  uint32_t server = 0;
  bool waits = false;  // pushes are acknowledged only when it has them
  uint64_t since = 0;  // v1::ShardBackup.since: one that was dropped and comes back is another one

  friend bool operator==(const ReplicaTarget&, const ReplicaTarget&) = default;
};
using ReplicaTargets = absl::InlinedVector<ReplicaTarget, 2>;

// Where an operation stands in the history of its shard, and who else is to have it.
struct Applied {
  uint64_t index = 0;  // from 1; 0: nothing was changed
  ReplicaTargets targets;
  RemovedRows removed;       // only when there are targets
  bool passed_over = false;  // only the mark was changed: the shard has had it as another's
};

// A synchronous step that was closed.
struct ClosedStep {
  Applied applied;
  SortedSum sum;              // dense: by number of the row in the table
  std::vector<PushId> marks;  // the last push of each contributor
};

// What became of an operation that another replica has applied.
enum class Replayed {
  kApplied,
  kAhead,    // operations before it are missing; nothing was changed
  kHad,      // the shard had it before
  kServing,  // the shard serves clients here: nobody else may change it
};

struct ShardSize {
  uint64_t rows = 0;
  uint64_t bytes = 0;  // parameters, optimizer state, index, and rows kept for who pulled them

  ShardSize& operator+=(const ShardSize& other) {
    rows += other.rows;
    bytes += other.bytes;
    return *this;
  }
};

// Every row of a shard, without optimizer state.
struct ShardSnapshot {
  uint32_t dim = 0;
  std::vector<uint64_t> keys;  // sparse: ascending; dense: empty
  std::vector<float> values;   // float32[rows][dim]
};

// A fixed part of a table: the unit of locking, placement and replication. Thread-safe;
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

  // Applies gradients at once, unless they were taken before, as this push or as id.origin's; then
  // they are only read. They are
  // finite. `applied` (may be null) is filled in; its targets also for duplicates.
  PushOutcome Push(const PushId& id, const RowSet& rows, FloatSource& gradients,
                   const GradientInfo& info = {}, Applied* applied = nullptr);

  // Keeps gradients until the synchronous step `step` closes, unless they were taken before; then
  // they are only read. Replicas hear of them when the step closes. `applied`: of interest are its
  // targets only.
  PushOutcome Accumulate(const PushId& id, uint64_t step, const RowSet& rows,
                         FloatSource& gradients, Applied* applied = nullptr);

  // Applies the mean gradient of step `step` once to every row that a contributor touched:
  //   g = sum over contributors i of weight_i g_i     (in double precision)
  // where g is the mean over `examples` examples of all contributors together.
  // `contributions`: ascending by client, so that the order of arrival makes no difference. Drops
  // every other push kept for this or an earlier step. No effect on a step that is closed, or when
  // another server serves the shard. `closed` (may be null) is filled in.
  void CloseStep(uint64_t step, absl::Span<const Contribution> contributions, uint64_t examples = 1,
                 ClosedStep* closed = nullptr);

  // Gives rows saved values, float32[rows.count][dim], as if they had begun there: the optimizer's
  // state is that of a beginning. No effect on a shard that anything was done to.
  void Load(const RowSet& rows, const float* values);

  // Whether a push of these rows would take more memory: some have to be added, and there is no
  // room for them in what the shard holds.
  bool GrowsByPush(const RowSet& rows) const;
  // The same of a PullFor: what the client pulled of some rows would be kept for the first time.
  bool GrowsByPull(uint32_t client, const RowSet& rows) const;

  // Drops what the client pushed for synchronous steps from `from_step` on.
  void Discard(uint32_t client, uint64_t from_step);

  // Writes the current rows. Creates no row: an absent key answers its initial values.
  void Pull(const RowSet& rows, FloatSink& out) const;

  // The same for a client that will compute the gradients of step `clock` from these rows. Where
  // keeps_pulled(), they are remembered for that until the client is forgotten: as they are here,
  // whatever `out` rounds.
  void PullFor(uint32_t client, uint64_t clock, const RowSet& rows, FloatSink& out,
               Applied* applied = nullptr);
  void Forget(uint32_t client, Applied* applied = nullptr);

  // Whether the optimizer looks at what clients have pulled.
  bool keeps_pulled() const { return optimizer_->uses_pulled(); }

  // ---- replicas: one shard serves clients, copies of it on other servers follow

  // Whether it takes pushes of clients (from the beginning it does), or operations of another
  // replica.
  void SetServing(bool serving);
  bool serving() const;

  // Who gets the operations.
  ReplicaTargets targets() const;
  // The entry of a server among them; none: it is no target.
  std::optional<ReplicaTarget> TargetOf(uint32_t server) const;
  // Who gets the operations from now on. Of targets that are here already (`since` is the same,
  // too) whether they wait stays as it is where `targets` says that they do not.
  void SetTargets(const ReplicaTargets& targets);
  // From the next operation on this one waits, if it is a target still.
  void SetWaits(uint32_t server, uint64_t since = 0);
  // Adds a target that does not wait, and copies what it has to begin with: it gets every operation
  // after state.index.
  ShardState BeginFilling(uint32_t server, uint64_t since = 0);

  // A copy of what it has.
  ShardState State() const;
  // The same for a checkpoint: without the rows that are as they were in the copy that was made so
  // at operation `since`. All rows, when `since` is 0, that copy is not one of the last few, or
  // nearly all blocks have changed.
  ShardState StateSince(uint64_t since);

  // Takes over another replica's state. False, and nothing is changed: the shard serves clients, or
  // sizes do not suit, or it does not stand at state.since.
  bool Restore(const ShardState& state);

  // Do what another replica did with its operation `index`. Nothing comes of it unless it is the
  // next one; `skip_gap`: those missing before it will never come, go on with this one.
  Replayed ReplayPush(uint64_t index, bool skip_gap, const PushId& id, const RowSet& rows,
                      FloatSource& gradients, const GradientInfo& info, const RemovedRows& removed);
  Replayed ReplayStep(uint64_t index, bool skip_gap, uint64_t step, uint64_t examples,
                      const SortedSum& sum, absl::Span<const PushId> marks,
                      const RemovedRows& removed);
  Replayed ReplayPulled(uint64_t index, bool skip_gap, uint32_t client, uint64_t clock,
                        const RowSet& rows);
  Replayed ReplayForget(uint64_t index, bool skip_gap, uint32_t client);

  // Of the last operation.
  uint64_t index() const;

  // Rows that clients have pushed to and pulled so far.
  struct Traffic {
    uint64_t pushed_rows = 0;
    uint64_t pulled_rows = 0;
  };
  Traffic traffic() const;

  ShardSize Size() const;
  ShardSnapshot Snapshot() const;

  // XXH3 of what replicas agree about: rows, optimizer state, marks and pulled rows. Equal for
  // equal states, however they came about.
  uint64_t ReplicaDigest() const;
  // The same with the pushes of open steps.
  uint64_t Digest() const;

 protected:
  // What the gradients of one call have in common.
  struct Update {
    Step step;
    std::optional<uint32_t> client;  // who computed them, if it was one
    uint64_t clock = 0;
    // What another replica removed on the way, to be done here too; null: this one decides,
    const RemovedRows* follow = nullptr;
    // and notes it here unless that is null.
    RemovedRows* removed = nullptr;
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
  // The weighted sum for each row that a push touches; dense: by its number in the table.
  virtual SortedSum SumOf(absl::Span<const WeightedPush> pushes) const = 0;
  virtual void ApplySumLocked(const SortedSum& sum, const Update& update)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) = 0;
  // keys, values and sketch of the state; only of rows in its blocks, when there is a `since`.
  virtual void CopyRowsTo(ShardState* state) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) = 0;
  // About how many blocks (ChangedBlocks) have rows.
  virtual uint64_t BlocksLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) = 0;
  // Takes them over. False, and nothing is changed: they are not of such a shard.
  virtual bool RestoreRows(const ShardState& state) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) = 0;
  virtual void PullLocked(const RowSet& rows, FloatSink& out) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) = 0;
  virtual bool GrowsLocked(const RowSet& rows) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) = 0;
  virtual ShardSize SizeLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) = 0;
  virtual ShardSnapshot SnapshotLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) = 0;
  virtual void AddRowsTo(Hasher& hasher) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) = 0;

  // The largest clock of a push, or closed step, so far.
  uint64_t clock() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return clock_; }

  mutable Mutex mutex_;
  // Kept by whoever changes rows.
  ChangedBlocks changed_ ABSL_GUARDED_BY(mutex_);

 private:
  // Counts an operation of a shard that serves clients.
  void Count(Applied* applied) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // `values`: float32[rows.count][dim].
  void KeepPulled(uint32_t client, uint64_t clock, const RowSet& rows, const float* values)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Where rows that are removed are to be noted.
  RemovedRows* NoteOf(Applied* applied) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // kApplied: it is this operation's turn, which is counted then.
  Replayed TakeTurn(uint64_t index, bool skip_gap) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // `since`, `blocks`: as of ShardState.
  ShardState StateLocked(uint64_t since = 0, std::vector<uint32_t> blocks = {}) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AddReplicaTo(Hasher& hasher) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const uint32_t dim_;
  const Initializer initializer_;
  const std::shared_ptr<const Optimizer> optimizer_;
  // Of what was applied, and of what is kept for open steps too.
  SequenceMarks marks_ ABSL_GUARDED_BY(mutex_);
  SequenceMarks received_ ABSL_GUARDED_BY(mutex_);
  // Of clients before the job was restored.
  SequenceMarks restored_ ABSL_GUARDED_BY(mutex_);
  StepBuffer buffer_ ABSL_GUARDED_BY(mutex_);
  bool serving_ ABSL_GUARDED_BY(mutex_) = true;
  uint64_t index_ ABSL_GUARDED_BY(mutex_) = 0;
  ReplicaTargets targets_ ABSL_GUARDED_BY(mutex_);
  uint64_t clock_ ABSL_GUARDED_BY(mutex_) = 0;
  PulledRows pulled_ ABSL_GUARDED_BY(mutex_);
  // Also counted where nothing is changed.
  mutable Traffic traffic_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace paramd
