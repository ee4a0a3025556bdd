// The part of Shard that replicas agree by.

#include <algorithm>
#include <utility>

#include "common/wire/array_floats.h"
#include "server/table/shard.h"

namespace paramd {

void Shard::Count(Applied* applied) {
  ++index_;
  if (applied == nullptr) return;
  applied->index = index_;
  applied->targets = targets_;
}

RemovedRows* Shard::NoteOf(Applied* applied) {
  return applied == nullptr || targets_.empty() ? nullptr : &applied->removed;
}

void Shard::SetServing(bool serving) {
  MutexLock lock(mutex_);
  if (serving_ == serving) return;
  serving_ = serving;
  // What was kept for open steps comes again: it was not acknowledged.
  received_.Clear();
  buffer_.Reset(buffer_.open_step());
  if (!serving) targets_.clear();
}

bool Shard::serving() const {
  MutexLock lock(mutex_);
  return serving_;
}

ReplicaTargets Shard::targets() const {
  MutexLock lock(mutex_);
  return targets_;
}

std::optional<ReplicaTarget> Shard::TargetOf(uint32_t server) const {
  MutexLock lock(mutex_);
  for (const ReplicaTarget& target : targets_) {
    if (target.server == server) return target;
  }
  return std::nullopt;
}

void Shard::SetTargets(const ReplicaTargets& targets) {
  MutexLock lock(mutex_);
  ReplicaTargets next = targets;
  for (ReplicaTarget& target : next) {
    for (const ReplicaTarget& before : targets_) {
      if (before.server == target.server && before.since == target.since) {
        target.waits |= before.waits;
      }
    }
  }
  targets_ = std::move(next);
}

void Shard::SetWaits(uint32_t server, uint64_t since) {
  MutexLock lock(mutex_);
  for (ReplicaTarget& one : targets_) {
    if (one.server == server && one.since == since) one.waits = true;
  }
}

ShardState Shard::BeginFilling(uint32_t server, uint64_t since) {
  MutexLock lock(mutex_);
  const auto same = [&](const ReplicaTarget& one) { return one.server == server; };
  const auto target = std::find_if(targets_.begin(), targets_.end(), same);
  if (target == targets_.end()) {
    targets_.push_back({.server = server, .since = since});
  } else if (target->since != since) {
    *target = {.server = server, .since = since};
  }
  return StateLocked();
}

ShardState Shard::State() const {
  MutexLock lock(mutex_);
  return StateLocked();
}

ShardState Shard::StateSince(uint64_t since) {
  MutexLock lock(mutex_);
  const auto changed = changed_.Cut(since, index_);
  if (since == 0 || !changed.has_value()) return StateLocked();
  // When nearly all have, the list of them is no gain.
  if (8 * changed->count() >= 7 * BlocksLocked()) return StateLocked();
  std::vector<uint32_t> blocks;
  for (uint32_t block = 0; block < ChangedBlocks::kBlocks; ++block) {
    if (changed->test(block)) blocks.push_back(block);
  }
  return StateLocked(since, std::move(blocks));
}

ShardState Shard::StateLocked(uint64_t since, std::vector<uint32_t> blocks) const {
  ShardState state = {.index = index_,
                      .since = since,
                      .blocks = std::move(blocks),
                      .clock = clock_,
                      .open_step = buffer_.open_step(),
                      .marks = marks_.All(),
                      .restored = restored_.All(),
                      .pulled = pulled_.All()};
  CopyRowsTo(&state);
  return state;
}

bool Shard::Restore(const ShardState& state) {
  MutexLock lock(mutex_);
  if (serving_ || (state.since > 0 && state.since != index_)) return false;
  if (!std::is_sorted(state.blocks.begin(), state.blocks.end()) ||
      (!state.blocks.empty() && state.blocks.back() >= ChangedBlocks::kBlocks)) {
    return false;
  }
  if (!RestoreRows(state)) return false;
  changed_.Clear();
  index_ = state.index;
  clock_ = state.clock;
  marks_.Clear();
  for (const PushId& id : state.marks) marks_.Take(id);
  restored_.Clear();
  for (const PushId& id : state.restored) restored_.Take(id);
  received_.Clear();
  buffer_.Reset(state.open_step);
  pulled_.Clear();
  for (const PulledRows::Pull& pull : state.pulled) {
    pulled_.Keep(pull.client, pull.clock, pull.row, pull.values.data());
  }
  return true;
}

Replayed Shard::TakeTurn(uint64_t index, bool skip_gap) {
  if (serving_) return Replayed::kServing;
  if (index <= index_) return Replayed::kHad;
  if (index > index_ + 1 && !skip_gap) return Replayed::kAhead;
  index_ = index;
  return Replayed::kApplied;
}

Replayed Shard::ReplayPush(uint64_t index, bool skip_gap, const PushId& id, const RowSet& rows,
                           FloatSource& gradients, const GradientInfo& info,
                           const RemovedRows& removed) {
  const Update update = {.step = optimizer().StepOf(info),
                         .client = id.client,
                         .clock = info.clock,
                         .follow = &removed};
  MutexLock lock(mutex_);
  const Replayed turn = TakeTurn(index, skip_gap);
  if (turn != Replayed::kApplied) return turn;
  marks_.Take(id);
  clock_ = std::max(clock_, info.clock);
  ApplyLocked(rows, gradients, update);
  return turn;
}

Replayed Shard::ReplayStep(uint64_t index, bool skip_gap, uint64_t step, uint64_t examples,
                           const SortedSum& sum, absl::Span<const PushId> marks,
                           const RemovedRows& removed) {
  const Update update = {.step = optimizer().StepOf({.examples = examples, .clock = step}),
                         .clock = step,
                         .follow = &removed};
  MutexLock lock(mutex_);
  const Replayed turn = TakeTurn(index, skip_gap);
  if (turn != Replayed::kApplied) return turn;
  for (const PushId& id : marks) marks_.Take(id);
  clock_ = std::max(clock_, step);
  buffer_.Reset(step + 1);
  ApplySumLocked(sum, update);
  return turn;
}

Replayed Shard::ReplayPulled(uint64_t index, bool skip_gap, uint32_t client, uint64_t clock,
                             const RowSet& rows) {
  MutexLock lock(mutex_);
  const Replayed turn = TakeTurn(index, skip_gap);
  if (turn != Replayed::kApplied || !keeps_pulled()) return turn;
  std::vector<float> values(rows.count * dim_);
  ArraySink sink(values.data());
  PullLocked(rows, sink);
  KeepPulled(client, clock, rows, values.data());
  return turn;
}

Replayed Shard::ReplayForget(uint64_t index, bool skip_gap, uint32_t client) {
  MutexLock lock(mutex_);
  const Replayed turn = TakeTurn(index, skip_gap);
  if (turn == Replayed::kApplied) pulled_.Forget(client);
  return turn;
}

uint64_t Shard::index() const {
  MutexLock lock(mutex_);
  return index_;
}

Shard::Traffic Shard::traffic() const {
  MutexLock lock(mutex_);
  return traffic_;
}

}  // namespace paramd
