#include "server/table/sparse_shard.h"

#include <algorithm>
#include <cmath>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "common/routing/hash_keys.h"
#include "common/routing/shard_of.h"
#include "common/wire/array_floats.h"
#include "server/table/sorted_sum.h"

namespace paramd {
namespace {

// By block, whether it is one of the state's.
std::vector<bool> ChosenBlocks(const ShardState& state) {
  std::vector<bool> chosen(ChangedBlocks::kBlocks);
  for (const uint32_t block : state.blocks) chosen[block] = true;
  return chosen;
}

}  // namespace

SparseShard::SparseShard(uint32_t shard, uint32_t shards, uint32_t dim,
                         const Initializer& initializer, std::shared_ptr<const Optimizer> optimizer,
                         const RowRules& rules)
    : Shard(dim, initializer, std::move(optimizer)),
      shard_(shard),
      shards_(shards),
      width_(size_t{dim} * (1 + this->optimizer().state_slots()) + rules.NeedStamps()),
      rules_(rules),
      rows_(RowTable::Create(shard, shards, width_)) {
  if (rules.Any()) keeper_.emplace(rules, rows_.get(), width_, &changed_);
}

absl::Status SparseShard::CheckRows(RowSet* rows, uint64_t* hashes) const {
  const absl::Span<const uint64_t> keys = rows->keys;
  HashKeys(keys, hashes);
  // One pass without branches; only when something is wrong, another one that says what.
  bool good = true;
  for (size_t i = 0; i < keys.size(); ++i) {
    good &= ShardOfHash(hashes[i], shards_) == shard_;
    good &= i == 0 || keys[i] > keys[i - 1];
  }
  rows->hashes = {hashes, keys.size()};
  if (good) return absl::OkStatus();
  for (size_t i = 0; i < keys.size(); ++i) {
    if (i > 0 && keys[i] <= keys[i - 1]) {
      return absl::InvalidArgumentError(absl::StrCat("key ", keys[i], " after key ", keys[i - 1],
                                                     ": keys are not strictly ascending"));
    }
    if (const uint32_t shard = ShardOfHash(hashes[i], shards_); shard != shard_) {
      return absl::InvalidArgumentError(
          absl::StrCat("key ", keys[i], " belongs to shard ", shard, ", not ", shard_));
    }
  }
  return absl::OkStatus();
}

size_t SparseShard::RowsAtOnce() const {
  return std::clamp<size_t>(FloatSource::kMaxRun / dim(), 1, RowTable::kMaxBatch);
}

size_t SparseShard::RowsToChange() const {
  return keeper_.has_value() ? std::min(RowsAtOnce(), keeper_->MostAtOnce()) : RowsAtOnce();
}

void SparseShard::BeginRow(uint64_t key, float* row) const {
  initializer().Fill(key, absl::MakeSpan(row, dim()));
  if (initializer().scale != 0) optimizer().Begin(row, dim(), row + dim(), dim());
}

size_t SparseShard::RowsOf(absl::Span<const uint64_t> keys, absl::Span<const uint64_t> hashes,
                           float** rows) {
  rows_->Find(hashes, keys.size(), rows);
  for (size_t i = 0; i < keys.size(); ++i) {
    if (rows[i] != nullptr) continue;
    if (!rows_->HasRoom(hashes[i])) {
      if (i > 0) return i;  // those before it do not move until they are used
      rows_->MakeRoom(hashes[i]);
      rows_->Find(hashes, keys.size(), rows);
    }
    rows[i] = rows_->Add(hashes[i]);
    BeginRow(keys[i], rows[i]);
  }
  return keys.size();
}

void SparseShard::LoadLocked(const RowSet& rows, const float* values) {
  const size_t at_once = RowsToChange();
  float* found[RowTable::kMaxBatch];
  for (size_t first = 0, n; first < rows.count; first += n) {
    const absl::Span<const uint64_t> keys = rows.keys.subspan(first, at_once);
    if (keeper_.has_value()) keeper_->FreeRows(keys.size(), clock());
    n = RowsOf(keys, rows.hashes.subspan(first), found);
    for (size_t i = 0; i < n; ++i, values += dim()) {
      std::copy_n(values, dim(), found[i]);
      optimizer().Begin(values, dim(), found[i] + dim(), dim());
      if (keeper_.has_value()) keeper_->Touch(found[i], 0, clock());
    }
  }
}

void SparseShard::KeptRowsOf(absl::Span<const uint64_t> keys, absl::Span<const uint64_t> hashes,
                             const Update& update, uint32_t at, size_t* next, float** rows) {
  bool admitted[RowTable::kMaxBatch];
  rows_->Find(hashes, keys.size(), rows);
  for (size_t i = 0; i < keys.size(); ++i) {
    admitted[i] = rows[i] != nullptr || keeper_->Admit(hashes[i]);
    if (rows[i] != nullptr) keeper_->Touch(rows[i], dim(), clock());
  }
  const auto missing = [&] {
    size_t count = 0;
    for (size_t i = 0; i < keys.size(); ++i) count += admitted[i] && rows[i] == nullptr;
    return count;
  };
  // What is removed may be a row of these keys.
  if (update.follow != nullptr) {
    if (keeper_->Follow(*update.follow, at, next)) rows_->Find(hashes, keys.size(), rows);
  } else {
    while (keeper_->FreeRows(missing(), clock(), at, update.removed)) {
      rows_->Find(hashes, keys.size(), rows);
    }
  }
  bool moved = false;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (rows[i] != nullptr || !admitted[i]) continue;
    if (!rows_->HasRoom(hashes[i])) {
      rows_->MakeRoom(hashes[i]);
      moved = true;
    }
    rows[i] = rows_->Add(hashes[i]);
    BeginRow(keys[i], rows[i]);
    keeper_->Touch(rows[i], 0, clock());
  }
  if (moved) rows_->Find(hashes, keys.size(), rows);
  sink_.assign(keys.size() * width_, 0.0f);
  for (size_t i = 0; i < keys.size(); ++i) {
    if (!admitted[i]) rows[i] = sink_.data() + i * width_;
  }
}

const float* const* SparseShard::PulledOf(absl::Span<const uint64_t> keys, const Update& update,
                                          const float** scratch) const {
  if (!update.client.has_value() || !keeps_pulled()) return nullptr;
  for (size_t i = 0; i < keys.size(); ++i) scratch[i] = PulledBy(update, keys[i]);
  return scratch;
}

void SparseShard::ApplyLocked(const RowSet& rows, FloatSource& gradients, const Update& update) {
  const size_t at_once = RowsToChange();
  float* found[RowTable::kMaxBatch];
  const float* scratch[RowTable::kMaxBatch];
  size_t next = 0;
  changed_.MarkHashes(rows.hashes);
  rows_->Prefetch(rows.hashes);
  for (size_t first = 0, n; first < rows.count; first += n) {
    const absl::Span<const uint64_t> keys = rows.keys.subspan(first, at_once);
    if (keeper_.has_value()) {
      KeptRowsOf(keys, rows.hashes.subspan(first), update, static_cast<uint32_t>(first), &next,
                 found);
      n = keys.size();
    } else {
      n = RowsOf(keys, rows.hashes.subspan(first), found);
    }
    if (dim() > FloatSource::kMaxRun) {
      ApplyLongRow(found[0], PulledBy(update, rows.keys[first]), gradients, update.step);
    } else {
      optimizer().ApplyRows(gradients.Exactly(n * dim()), update.step, found,
                            static_cast<int64_t>(n), dim(),
                            PulledOf(rows.keys.subspan(first, n), update, scratch));
    }
  }
  if (!keeper_.has_value()) return;
  if (update.follow != nullptr) {
    keeper_->Follow(*update.follow, UINT32_MAX, &next);
  } else {
    keeper_->Sweep(rows.count, clock(), update.removed);
  }
}

void SparseShard::ApplyLongRow(float* row, const float* pulled, FloatSource& gradients,
                               const Step& step) {
  for (size_t at = 0; at < dim();) {
    const FloatRun run = gradients.Next(dim() - at);
    optimizer().Apply(run.data, step, static_cast<int64_t>(run.size), row + at, row + dim() + at,
                      dim(), pulled == nullptr ? nullptr : pulled + at);
    at += run.size;
  }
}

SortedSum SparseShard::SumOf(absl::Span<const WeightedPush> pushes) const {
  return SumByKey(pushes, dim());
}

void SparseShard::ApplySumLocked(const SortedSum& sum, const Update& update) {
  std::vector<uint64_t> hashes(sum.keys.size());
  HashKeys(sum.keys, hashes.data());
  ArraySource gradients(sum.gradients.data());
  ApplyLocked({.count = sum.keys.size(), .keys = sum.keys, .hashes = hashes}, gradients, update);
}

void SparseShard::CopyRowsTo(ShardState* state) const {
  const bool whole = state->since == 0;
  const std::vector<bool> chosen = ChosenBlocks(*state);
  const size_t about =
      whole ? rows_->size() : rows_->size() * state->blocks.size() / ChangedBlocks::kBlocks;
  state->keys.reserve(about);
  state->values.reserve(about * width_);
  rows_->ForEach([&](uint64_t hash, const float* row) {
    if (!whole && !chosen[ChangedBlocks::OfHash(hash)]) return;
    state->keys.push_back(KeyOfHash(hash));
    state->values.insert(state->values.end(), row, row + width_);
  });
  if (!keeper_.has_value() || keeper_->sketch() == nullptr) return;
  const absl::Span<const uint16_t> counters = keeper_->sketch()->counters();
  state->sketch.assign(counters.begin(), counters.end());
  state->sketch_added = keeper_->sketch()->added();
}

uint64_t SparseShard::BlocksLocked() const {
  // Rows fall on blocks at random: one has none with probability e^(-rows / blocks).
  constexpr double kBlocks = ChangedBlocks::kBlocks;
  return static_cast<uint64_t>(-kBlocks *
                               std::expm1(-static_cast<double>(rows_->size()) / kBlocks));
}

bool SparseShard::RestoreRows(const ShardState& state) {
  if (state.values.size() != state.keys.size() * width_) return false;
  if (keeper_.has_value() && keeper_->sketch() != nullptr &&
      !keeper_->sketch()->Restore(state.sketch, state.sketch_added)) {
    return false;
  }
  std::vector<uint64_t> hashes(state.keys.size());
  HashKeys(state.keys, hashes.data());
  if (state.since > 0) {
    RemoveOthers(state, hashes);
  } else {
    rows_ = RowTable::Create(shard_, shards_, width_);
    rows_->Reserve(hashes.size());
    if (keeper_.has_value()) keeper_->SetTable(rows_.get());
  }
  const float* values = state.values.data();
  for (const uint64_t hash : hashes) {
    float* row = nullptr;
    if (state.since > 0) rows_->Find({&hash, 1}, 1, &row);
    if (row == nullptr) {
      if (!rows_->HasRoom(hash)) rows_->MakeRoom(hash);
      row = rows_->Add(hash);
    }
    std::copy_n(values, width_, row);
    values += width_;
  }
  return true;
}

void SparseShard::RemoveOthers(const ShardState& state, absl::Span<const uint64_t> stay) {
  const std::vector<bool> chosen = ChosenBlocks(state);
  const absl::flat_hash_set<uint64_t> staying(stay.begin(), stay.end());
  std::vector<uint64_t> others;
  rows_->ForEach([&](uint64_t hash, const float*) {
    if (chosen[ChangedBlocks::OfHash(hash)] && !staying.contains(hash)) others.push_back(hash);
  });
  for (const uint64_t hash : others) rows_->Remove(hash);
}

void SparseShard::PullLocked(const RowSet& rows, FloatSink& out) const {
  const size_t at_once = RowsAtOnce();
  float* found[RowTable::kMaxBatch];
  rows_->Prefetch(rows.hashes);
  for (size_t first = 0; first < rows.count; first += at_once) {
    const absl::Span<const uint64_t> keys = rows.keys.subspan(first, at_once);
    rows_->Find(rows.hashes.subspan(first), keys.size(), found);
    WriteRows(keys, found, out);
  }
}

float SparseShard::FadeOf(const float* row) const {
  return keeper_.has_value() && keeper_->fades() ? keeper_->FadeOf(row, clock()) : 1;
}

void SparseShard::WriteRows(absl::Span<const uint64_t> keys, const float* const* found,
                            FloatSink& out) const {
  if (dim() > FloatSink::kMaxRun) return WriteLongRow(keys[0], found[0], out);
  float* values = out.Next(keys.size() * dim());
  const bool fades = keeper_.has_value() && keeper_->fades();
  for (size_t i = 0; i < keys.size(); ++i, values += dim()) {
    if (found[i] == nullptr) {
      initializer().Fill(keys[i], absl::MakeSpan(values, dim()));
    } else if (dim() == 1) {
      *values = *found[i];
    } else {
      std::copy_n(found[i], dim(), values);
    }
    if (!fades || found[i] == nullptr) continue;
    const float fade = FadeOf(found[i]);
    for (uint32_t j = 0; j < dim(); ++j) values[j] *= fade;
  }
}

void SparseShard::WriteLongRow(uint64_t key, const float* row, FloatSink& out) const {
  std::vector<float> initial;
  if (row == nullptr) {
    initial.resize(dim());
    initializer().Fill(key, absl::MakeSpan(initial));
  }
  const float fade = row == nullptr ? 1 : FadeOf(row);
  if (row == nullptr) row = initial.data();
  for (size_t at = 0; at < dim();) {
    const size_t size = std::min<size_t>(dim() - at, FloatSink::kMaxRun);
    float* const values = out.Next(size);
    for (size_t i = 0; i < size; ++i) values[i] = fade * row[at + i];
    at += size;
  }
}

bool SparseShard::GrowsLocked(const RowSet& rows) const {
  uint64_t missing = 0;
  float* found[RowTable::kMaxBatch];
  rows_->Prefetch(rows.hashes);
  for (size_t first = 0; first < rows.count; first += RowTable::kMaxBatch) {
    const size_t count = std::min<size_t>(rows.count - first, RowTable::kMaxBatch);
    rows_->Find(rows.hashes.subspan(first), count, found);
    missing += static_cast<uint64_t>(std::count(found, found + count, nullptr));
  }
  if (missing == 0 || (keeper_.has_value() && keeper_->IsFull())) return false;
  return missing > rows_->room();
}

ShardSize SparseShard::SizeLocked() const {
  return {.rows = rows_->size(),
          .bytes = rows_->bytes() + (keeper_.has_value() ? keeper_->bytes() : 0)};
}

std::vector<std::pair<uint64_t, const float*>> SparseShard::SortedRows() const {
  std::vector<std::pair<uint64_t, const float*>> sorted;
  sorted.reserve(rows_->size());
  rows_->ForEach(
      [&](uint64_t hash, const float* row) { sorted.emplace_back(KeyOfHash(hash), row); });
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

ShardSnapshot SparseShard::SnapshotLocked() const {
  ShardSnapshot snapshot;
  snapshot.keys.reserve(rows_->size());
  snapshot.values.reserve(rows_->size() * dim());
  for (const auto& [key, row] : SortedRows()) {
    snapshot.keys.push_back(key);
    const float fade = FadeOf(row);
    for (uint32_t i = 0; i < dim(); ++i) snapshot.values.push_back(fade * row[i]);
  }
  return snapshot;
}

void SparseShard::AddRowsTo(Hasher& hasher) const {
  hasher.AddValues(rows_->size());
  for (const auto& [key, row] : SortedRows()) {
    hasher.AddValues(key);
    hasher.Add(absl::Span<const float>(row, width_));
  }
  if (keeper_.has_value()) keeper_->AddTo(hasher);
}

}  // namespace paramd
