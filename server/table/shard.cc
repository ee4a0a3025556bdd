#include "server/table/shard.h"

#include <algorithm>
#include <utility>

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
                        uint64_t examples, uint64_t clock) {
  {
    MutexLock lock(mutex_);
    if (marks_.Take(id)) {
      clock_ = std::max(clock_, clock);
      ApplyLocked(rows, gradients, examples);
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
  MutexLock lock(mutex_);
  clock_ = std::max(clock_, step);
  const std::vector<WeightedPush> pushes = buffer_.Close(step, contributions);
  if (!pushes.empty()) ApplySumLocked(pushes, examples);
}

void Shard::Discard(uint32_t client, uint64_t from_step) {
  MutexLock lock(mutex_);
  buffer_.Discard(client, from_step);
}

void Shard::Pull(const RowSet& rows, FloatSink& out) const {
  MutexLock lock(mutex_);
  PullLocked(rows, out);
}

ShardSize Shard::Size() const {
  MutexLock lock(mutex_);
  return SizeLocked();
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
  return hasher.Digest();
}

}  // namespace paramd
