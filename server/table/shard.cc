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
                        const GradientInfo& info) {
  const Update update = {
      .step = optimizer().StepOf(info), .client = id.client, .clock = info.clock};
  {
    MutexLock lock(mutex_);
    if (marks_.Take(id)) {
      clock_ = std::max(clock_, info.clock);
      ApplyLocked(rows, gradients, update);
      return PushOutcome::kTaken;
    }
  }
  Skip(gradients, rows.count * dim_);
  return PushOutcome::kDuplicate;
}

PushOutcome Shard::Accumulate(const PushId& id, uint64_t step, const RowSet& rows,
                              FloatSource& gradients) {
  std::vector<float> values = ReadAll(gradients, rows.count * dim_);
  MutexLock lock(mutex_);
  if (!marks_.Take(id)) return PushOutcome::kDuplicate;
  return buffer_.Add(id.client, step, rows, std::move(values)) ? PushOutcome::kTaken
                                                               : PushOutcome::kLate;
}

void Shard::CloseStep(uint64_t step, absl::Span<const Contribution> contributions,
                      uint64_t examples) {
  const Update update = {.step = optimizer().StepOf({.examples = examples, .clock = step}),
                         .clock = step};
  MutexLock lock(mutex_);
  clock_ = std::max(clock_, step);
  const std::vector<WeightedPush> pushes = buffer_.Close(step, contributions);
  if (!pushes.empty()) ApplySumLocked(pushes, update);
}

void Shard::Load(const RowSet& rows, const float* values) {
  MutexLock lock(mutex_);
  LoadLocked(rows, values);
}

void Shard::Discard(uint32_t client, uint64_t from_step) {
  MutexLock lock(mutex_);
  buffer_.Discard(client, from_step);
}

void Shard::Pull(const RowSet& rows, FloatSink& out) const {
  MutexLock lock(mutex_);
  PullLocked(rows, out);
}

void Shard::PullFor(uint32_t client, uint64_t clock, const RowSet& rows, FloatSink& out) {
  if (!keeps_pulled()) return Pull(rows, out);
  std::vector<float> values(rows.count * dim_);
  ArraySink sink(values.data());
  {
    MutexLock lock(mutex_);
    PullLocked(rows, sink);
    for (uint64_t i = 0; i < rows.count; ++i) {
      const uint64_t row = rows.keys.empty() ? rows.first_row + i : rows.keys[i];
      pulled_.Keep(client, clock, row, &values[i * dim_]);
    }
  }
  out.Write(values.data(), values.size());
}

void Shard::Forget(uint32_t client) {
  MutexLock lock(mutex_);
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

uint64_t Shard::Digest() const {
  Hasher hasher;
  MutexLock lock(mutex_);
  AddRowsTo(hasher);
  marks_.AddTo(hasher);
  buffer_.AddTo(hasher);
  pulled_.AddTo(hasher);
  return hasher.Digest();
}

}  // namespace paramd
