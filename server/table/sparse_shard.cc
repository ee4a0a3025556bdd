#include "server/table/sparse_shard.h"

#include <algorithm>
#include <cassert>

#include "absl/base/attributes.h"
#include "absl/strings/str_cat.h"
#include "common/routing/hash_keys.h"
#include "common/routing/shard_of.h"
#include "common/wire/array_floats.h"
#include "server/table/sorted_sum.h"

namespace paramd {
namespace {

constexpr size_t kMaxRowsAtOnce = 256;
// So many keys before one is looked up, its place in the index is brought into the cache.
constexpr size_t kAhead = 24;

// The begin of a row; always inline as BucketArray::Prefetch.
ABSL_ATTRIBUTE_ALWAYS_INLINE inline void PrefetchRow(const float* row, size_t floats) {
  constexpr size_t kLine = 64, kMaxLines = 8;
  const auto* const begin = reinterpret_cast<const char*>(row);
  const size_t bytes = floats * sizeof(float);
  for (size_t at = 0; at < std::min(bytes, kMaxLines * kLine); at += kLine) {
    __builtin_prefetch(begin + at);
  }
}

}  // namespace

SparseShard::SparseShard(uint32_t shard, uint32_t shards, uint32_t dim,
                         const Initializer& initializer, std::shared_ptr<const Optimizer> optimizer)
    : Shard(dim, initializer, std::move(optimizer)),
      shard_(shard),
      shards_(shards),
      index_(shard, shards),
      rows_(size_t{dim} * (1 + this->optimizer().state_slots())) {}

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
  return std::clamp<size_t>(FloatSource::kMaxRun / dim(), 1, kMaxRowsAtOnce);
}

float* SparseShard::RowOf(uint64_t hash, uint64_t key) {
  const uint32_t known = index_.Find(hash, key);
  if (known != KeyIndex::kNone) return rows_.row(known);
  const uint64_t added = rows_.Append();
  assert(added < KeyIndex::kNone);
  index_.Insert(hash, key, static_cast<uint32_t>(added));
  float* const row = rows_.row(added);
  initializer().Fill(key, absl::MakeSpan(row, dim()));
  return row;
}

void SparseShard::ApplyLocked(const RowSet& rows, FloatSource& gradients, uint64_t examples) {
  const size_t at_once = RowsAtOnce();
  float* found[kMaxRowsAtOnce];
  for (size_t i = 0; i < std::min<size_t>(kAhead, rows.count); ++i) index_.Prefetch(rows.hashes[i]);
  for (size_t first = 0; first < rows.count; first += at_once) {
    const size_t n = std::min<size_t>(at_once, rows.count - first);
    for (size_t i = 0; i < n; ++i) {
      const size_t at = first + i;
      if (at + kAhead < rows.count) index_.Prefetch(rows.hashes[at + kAhead]);
      found[i] = RowOf(rows.hashes[at], rows.keys[at]);
      PrefetchRow(found[i], rows_.width());
    }
    if (dim() > FloatSource::kMaxRun) {
      ApplyLongRow(found[0], gradients, examples);
    } else {
      optimizer().ApplyRows(gradients.Exactly(n * dim()), examples, found, n, dim());
    }
  }
}

void SparseShard::ApplyLongRow(float* row, FloatSource& gradients, uint64_t examples) {
  for (size_t at = 0; at < dim();) {
    const FloatRun run = gradients.Next(dim() - at);
    optimizer().Apply(run.data, examples, static_cast<int64_t>(run.size), row + at,
                      row + dim() + at, dim());
    at += run.size;
  }
}

void SparseShard::ApplySumLocked(absl::Span<const WeightedPush> pushes, uint64_t examples) {
  const SortedSum sum = SumByKey(pushes, dim());
  std::vector<uint64_t> hashes(sum.keys.size());
  HashKeys(sum.keys, hashes.data());
  ArraySource gradients(sum.gradients.data());
  ApplyLocked({.count = sum.keys.size(), .keys = sum.keys, .hashes = hashes}, gradients, examples);
}

void SparseShard::PullLocked(const RowSet& rows, FloatSink& out) const {
  const size_t at_once = RowsAtOnce();
  const float* found[kMaxRowsAtOnce];
  for (size_t i = 0; i < std::min<size_t>(kAhead, rows.count); ++i) index_.Prefetch(rows.hashes[i]);
  for (size_t first = 0; first < rows.count; first += at_once) {
    const size_t n = std::min<size_t>(at_once, rows.count - first);
    for (size_t i = 0; i < n; ++i) {
      const size_t at = first + i;
      if (at + kAhead < rows.count) index_.Prefetch(rows.hashes[at + kAhead]);
      const uint32_t row = index_.Find(rows.hashes[at], rows.keys[at]);
      found[i] = row == KeyIndex::kNone ? nullptr : rows_.row(row);
      if (found[i] != nullptr) PrefetchRow(found[i], dim());
    }
    WriteRows(rows.keys.subspan(first, n), found, out);
  }
}

void SparseShard::WriteRows(absl::Span<const uint64_t> keys, const float* const* found,
                            FloatSink& out) const {
  if (dim() > FloatSink::kMaxRun) return WriteLongRow(keys[0], found[0], out);
  float* values = out.Next(keys.size() * dim());
  for (size_t i = 0; i < keys.size(); ++i, values += dim()) {
    if (found[i] == nullptr) {
      initializer().Fill(keys[i], absl::MakeSpan(values, dim()));
    } else if (dim() == 1) {
      *values = *found[i];
    } else {
      std::copy_n(found[i], dim(), values);
    }
  }
}

void SparseShard::WriteLongRow(uint64_t key, const float* row, FloatSink& out) const {
  std::vector<float> initial;
  if (row == nullptr) {
    initial.resize(dim());
    initializer().Fill(key, absl::MakeSpan(initial));
    row = initial.data();
  }
  for (size_t at = 0; at < dim();) {
    const size_t size = std::min<size_t>(dim() - at, FloatSink::kMaxRun);
    std::copy_n(row + at, size, out.Next(size));
    at += size;
  }
}

ShardSize SparseShard::SizeLocked() const {
  return {.rows = rows_.size(), .bytes = rows_.bytes() + index_.bytes()};
}

std::vector<std::pair<uint64_t, uint32_t>> SparseShard::SortedRows() const {
  std::vector<std::pair<uint64_t, uint32_t>> sorted;
  sorted.reserve(index_.size());
  index_.ForEach([&](uint64_t key, uint32_t row) { sorted.emplace_back(key, row); });
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

ShardSnapshot SparseShard::SnapshotLocked() const {
  ShardSnapshot snapshot;
  snapshot.keys.reserve(index_.size());
  snapshot.values.reserve(index_.size() * dim());
  for (const auto& [key, number] : SortedRows()) {
    const float* const row = rows_.row(number);
    snapshot.keys.push_back(key);
    snapshot.values.insert(snapshot.values.end(), row, row + dim());
  }
  return snapshot;
}

void SparseShard::AddRowsTo(Hasher& hasher) const {
  hasher.AddValues(uint64_t{index_.size()});
  for (const auto& [key, number] : SortedRows()) {
    hasher.AddValues(key);
    hasher.Add(absl::Span<const float>(rows_.row(number), rows_.width()));
  }
}

}  // namespace paramd
