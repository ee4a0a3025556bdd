#include "server/table/shard.h"

#include <algorithm>
#include <utility>

#include "common/wire/array_floats.h"

namespace paramd {
namespace {

void Skip(FloatSource& source, size_t size) {
  while (size > 0) size -= source.Next(size).size;
}

std::vector<float> ReadAll(FloatSource& source, size_t size) {
  std::vector<float> values(size);
  source.Read(size, values.data());
  return values;
}

}  // namespace

PushOutcome Shard::Push(const PushId& id, const RowSet& rows, FloatSource& gradients,
                        const GradientInfo& info, Applied* applied) {
  Update update = {.step = optimizer().StepOf(info), .client = id.client, .clock = info.clock};
  PushOutcome outcome = PushOutcome::kDuplicate;
  {
    MutexLock lock(mutex_);
    if (!serving_) {
      outcome = PushOutcome::kNotServed;
    } else if (marks_.Take(id)) {
      traffic_.pushed_rows += rows.count;
      Count(applied);
      clock_ = std::max(clock_, info.clock);
      if (!restored_.Has(id.origin, id.piece)) {
        update.removed = NoteOf(applied);
        ApplyLocked(rows, gradients, update);
        return PushOutcome::kTaken;
      }
      if (applied != nullptr) applied->passed_over = true;
    } else if (applied != nullptr) {
      applied->targets = targets_;
    }
  }
  Skip(gradients, rows.count * dim_);
  return outcome;
}

PushOutcome Shard::Accumulate(const PushId& id, uint64_t step, const RowSet& rows,
                              FloatSource& gradients, Applied* applied) {
  std::vector<float> values = ReadAll(gradients, rows.count * dim_);
  MutexLock lock(mutex_);
  if (!serving_) return PushOutcome::kNotServed;
  if (applied != nullptr) applied->targets = targets_;
  if (marks_.Has(id) || !received_.Take(id)) return PushOutcome::kDuplicate;
  traffic_.pushed_rows += rows.count;
  if (restored_.Has(id.origin, id.piece)) {
    // The step has the mark, and no rows.
    buffer_.Add(id, step, {.first_row = rows.first_row}, {});
    return PushOutcome::kDuplicate;
  }
  return buffer_.Add(id, step, rows, std::move(values)) ? PushOutcome::kTaken : PushOutcome::kLate;
}

void Shard::CloseStep(uint64_t step, absl::Span<const Contribution> contributions,
                      uint64_t examples, ClosedStep* closed) {
  Update update = {.step = optimizer().StepOf({.examples = examples, .clock = step}),
                   .clock = step};
  MutexLock lock(mutex_);
  if (!serving_) return;
  const std::vector<WeightedPush> pushes = buffer_.Close(step, contributions);
  if (pushes.empty()) return;
  clock_ = std::max(clock_, step);
  for (const WeightedPush& push : pushes) {
    marks_.Take(push.push.id);
    if (closed == nullptr) continue;
    std::vector<PushId>& marks = closed->marks;
    // A client's pushes come one after the other.
    if (marks.empty() || marks.back().client != push.push.id.client) marks.emplace_back();
    marks.back() = push.push.id;
  }
  SortedSum sum = SumOf(pushes);
  Count(closed == nullptr ? nullptr : &closed->applied);
  update.removed = NoteOf(closed == nullptr ? nullptr : &closed->applied);
  ApplySumLocked(sum, update);
  if (closed != nullptr) closed->sum = std::move(sum);
}

void Shard::Load(const RowSet& rows, const float* values) {
  MutexLock lock(mutex_);
  if (index_ == 0) LoadLocked(rows, values);
}

bool Shard::GrowsByPush(const RowSet& rows) const {
  MutexLock lock(mutex_);
  return GrowsLocked(rows);
}

bool Shard::GrowsByPull(uint32_t client, const RowSet& rows) const {
  if (!keeps_pulled()) return false;
  MutexLock lock(mutex_);
  for (uint64_t i = 0; i < rows.count; ++i) {
    const uint64_t row = rows.keys.empty() ? rows.first_row + i : rows.keys[i];
    if (pulled_.Find(client, UINT64_MAX, row) == nullptr) return true;
  }
  return false;
}

void Shard::Discard(uint32_t client, uint64_t from_step) {
  MutexLock lock(mutex_);
  buffer_.Discard(client, from_step);
}

void Shard::Pull(const RowSet& rows, FloatSink& out) const {
  MutexLock lock(mutex_);
  traffic_.pulled_rows += rows.count;
  PullLocked(rows, out);
}

void Shard::PullFor(uint32_t client, uint64_t clock, const RowSet& rows, FloatSink& out,
                    Applied* applied) {
  if (!keeps_pulled()) return Pull(rows, out);
  std::vector<float> values(rows.count * dim_);
  ArraySink sink(values.data());
  {
    MutexLock lock(mutex_);
    traffic_.pulled_rows += rows.count;
    PullLocked(rows, sink);
    // Otherwise another server remembers.
    if (serving_) {
      Count(applied);
      KeepPulled(client, clock, rows, values.data());
    }
  }
  out.Write(values.data(), values.size());
}

void Shard::KeepPulled(uint32_t client, uint64_t clock, const RowSet& rows, const float* values) {
  for (uint64_t i = 0; i < rows.count; ++i) {
    const uint64_t row = rows.keys.empty() ? rows.first_row + i : rows.keys[i];
    pulled_.Keep(client, clock, row, values + i * dim_);
  }
}

void Shard::Forget(uint32_t client, Applied* applied) {
  MutexLock lock(mutex_);
  if (!serving_) return;
  Count(applied);
  pulled_.Forget(client);
}

ShardSize Shard::Size() const {
  MutexLock lock(mutex_);
  ShardSize size = SizeLocked();
  size.bytes += pulled_.bytes();
  return size;
}

ShardSnapshot Shard::Snapshot() const {
  MutexLock lock(mutex_);
  ShardSnapshot snapshot = SnapshotLocked();
  snapshot.dim = dim_;
  return snapshot;
}

void Shard::AddReplicaTo(Hasher& hasher) const {
  AddRowsTo(hasher);
  marks_.AddTo(hasher);
  restored_.AddTo(hasher);
  pulled_.AddTo(hasher);
}

uint64_t Shard::ReplicaDigest() const {
  Hasher hasher;
  MutexLock lock(mutex_);
  AddReplicaTo(hasher);
  return hasher.Digest();
}

uint64_t Shard::Digest() const {
  Hasher hasher;
  MutexLock lock(mutex_);
  AddReplicaTo(hasher);
  received_.AddTo(hasher);
  buffer_.AddTo(hasher);
  return hasher.Digest();
}

}  // namespace paramd
