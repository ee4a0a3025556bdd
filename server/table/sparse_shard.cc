#include "server/table/sparse_shard.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/routing/shard_of.h"

namespace paramd {

SparseShard::SparseShard(uint32_t shard, uint32_t shards, uint32_t dim,
                         const Initializer& initializer, std::shared_ptr<const Optimizer> optimizer)
    : Shard(dim, initializer, std::move(optimizer)),
      shard_(shard),
      shards_(shards),
      rows_(uint64_t{dim} * (1 + this->optimizer().state_slots())) {}

absl::Status SparseShard::CheckRows(const RowSet& rows) const {
  for (size_t i = 0; i < rows.keys.size(); ++i) {
    if (i > 0 && rows.keys[i] <= rows.keys[i - 1]) {
      return absl::InvalidArgumentError(absl::StrCat("key ", rows.keys[i], " after key ",
                                                     rows.keys[i - 1],
                                                     ": keys are not strictly ascending"));
    }
    if (const uint32_t shard = ShardOfKey(rows.keys[i], shards_); shard != shard_) {
      return absl::InvalidArgumentError(
          absl::StrCat("key ", rows.keys[i], " belongs to shard ", shard, ", not ", shard_));
    }
  }
  return absl::OkStatus();
}

float* SparseShard::RowOf(uint64_t key) {
  const auto [it, inserted] = index_.try_emplace(key, rows_.size());
  if (!inserted) return rows_.row(it->second);
  float* const row = rows_.row(rows_.Append());
  initializer().Fill(key, absl::MakeSpan(row, dim()));
  return row;
}

void SparseShard::ApplyLocked(const RowSet& rows, const float* gradients, uint64_t examples) {
  for (const uint64_t key : rows.keys) {
    float* const row = RowOf(key);
    optimizer().Apply(gradients, examples, dim(), row, row + dim(), dim());
    gradients += dim();
  }
}

void SparseShard::ApplySumLocked(absl::Span<const WeightedPush> pushes, uint64_t examples) {
  absl::flat_hash_map<uint64_t, size_t> places;  // key -> its place in keys and sum
  std::vector<uint64_t> keys;
  std::vector<double> sum;
  for (const auto& [weight, push] : pushes) {
    const float* gradient = push.gradients.data();
    for (const uint64_t key : push.keys) {
      const auto [it, inserted] = places.try_emplace(key, keys.size());
      if (inserted) {
        keys.push_back(key);
        sum.resize(sum.size() + dim());
      }
      double* const total = &sum[it->second * dim()];
      for (uint32_t i = 0; i < dim(); ++i) total[i] += weight * gradient[i];
      gradient += dim();
    }
  }
  const std::vector<float> gradients(sum.begin(), sum.end());
  ApplyLocked({.count = keys.size(), .keys = keys}, gradients.data(), examples);
}

void SparseShard::PullLocked(const RowSet& rows, float* out) const {
  for (const uint64_t key : rows.keys) {
    if (const auto it = index_.find(key); it != index_.end()) {
      std::copy_n(rows_.row(it->second), dim(), out);
    } else {
      initializer().Fill(key, absl::MakeSpan(out, dim()));
    }
    out += dim();
  }
}

ShardSize SparseShard::SizeLocked() const {
  // A slot of the index: the pair and a control byte.
  const uint64_t slot = sizeof(std::pair<const uint64_t, uint64_t>) + 1;
  return {.rows = rows_.size(), .bytes = rows_.bytes() + index_.capacity() * slot};
}

std::vector<uint64_t> SparseShard::SortedKeys() const {
  std::vector<uint64_t> keys;
  keys.reserve(index_.size());
  for (const auto& [key, row] : index_) keys.push_back(key);
  std::sort(keys.begin(), keys.end());
  return keys;
}

ShardSnapshot SparseShard::SnapshotLocked() const {
  ShardSnapshot snapshot = {.keys = SortedKeys()};
  snapshot.values.resize(snapshot.keys.size() * dim());
  PullLocked({.count = snapshot.keys.size(), .keys = snapshot.keys}, snapshot.values.data());
  return snapshot;
}

void SparseShard::AddRowsTo(Hasher& hasher) const {
  hasher.AddValues(uint64_t{index_.size()});
  for (const uint64_t key : SortedKeys()) {
    hasher.AddValues(key);
    hasher.Add(absl::Span<const float>(rows_.row(index_.at(key)), rows_.width()));
  }
}

}  // namespace paramd
