#include "worker/client/row_cache.h"

#include <algorithm>
#include <bit>

#include "common/routing/hash_keys.h"

namespace paramd {
namespace {

// Rows that are looked for before the first of them is used.
constexpr size_t kAhead = 16;

}  // namespace

RowCache::RowCache(uint32_t dim, uint64_t bytes)
    : dim_(dim),
      sets_(std::bit_floor(
          std::max<uint64_t>(bytes / (kWays * (2 * sizeof(uint64_t) + dim * sizeof(float))), 1))),
      keys_(Zeros<uint64_t>(sets_ * kWays)),
      versions_(Zeros<uint64_t>(sets_ * kWays)),
      rows_(Zeros<float>(sets_ * kWays * dim)) {}

// The upper bits of the hash choose the shard; a client has all of them.
size_t RowCache::SetOf(uint64_t key) const { return (HashKey(key) & (sets_ - 1)) * kWays; }

size_t RowCache::Find(uint64_t key) const {
  const size_t set = SetOf(key);
  for (size_t slot = set; slot < set + kWays; ++slot) {
    if (keys_[slot] == key && versions_[slot] > 0) return slot;
  }
  return kNone;
}

void RowCache::Read(absl::Span<const uint64_t> keys, absl::Span<const uint32_t> order,
                    uint64_t oldest, float* values, std::vector<uint32_t>* stale) const {
  stale->clear();
  MutexLock lock(mutex_);
  for (size_t i = 0; i < keys.size(); ++i) {
    if (i + kAhead < keys.size()) {
      const size_t set = SetOf(keys[i + kAhead]);
      __builtin_prefetch(&keys_[set]);
      __builtin_prefetch(&versions_[set]);
      __builtin_prefetch(&rows_[set * dim_]);
    }
    const size_t slot = Find(keys[i]);
    if (slot == kNone || versions_[slot] <= oldest) {
      stale->push_back(static_cast<uint32_t>(i));
    } else {
      std::copy_n(&rows_[slot * dim_], dim_, values + size_t{order[i]} * dim_);
    }
  }
}

void RowCache::Write(absl::Span<const uint64_t> keys, absl::Span<const uint32_t> order,
                     uint64_t version, const float* values) {
  MutexLock lock(mutex_);
  for (size_t i = 0; i < keys.size(); ++i) {
    size_t slot = Find(keys[i]);
    if (slot == kNone) {
      const size_t set = SetOf(keys[i]);
      slot = set;
      for (size_t other = set + 1; other < set + kWays; ++other) {
        if (versions_[other] < versions_[slot]) slot = other;
      }
    }
    if (versions_[slot] > version + 1) continue;
    keys_[slot] = keys[i];
    versions_[slot] = version + 1;
    std::copy_n(values + size_t{order[i]} * dim_, dim_, &rows_[slot * dim_]);
  }
}

}  // namespace paramd
