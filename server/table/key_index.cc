#include "server/table/key_index.h"

#include <algorithm>
#include <utility>

#include "common/base/random.h"
#include "common/routing/hash_keys.h"

namespace paramd {
namespace {

constexpr uint32_t kSplitBuckets = (8 << 20) / 64;

}  // namespace

KeyIndex::KeyIndex(uint32_t shard, uint32_t shards) : shard_(shard), shards_(shards) {
  parts_.push_back(std::make_unique<Part>(Part{.table = BucketArray(1)}));
  directory_.push_back(parts_.back().get());
}

void KeyIndex::Insert(uint64_t hash, uint64_t key, uint32_t row) {
  Part* part = directory_[EntryOf(hash)];
  if (part->table.full()) {
    Grow(*part);
    part = directory_[EntryOf(hash)];
  }
  part->table.Insert(hash, key, row);
  ++size_;
}

void KeyIndex::Grow(Part& part) {
  const uint32_t before = part.table.buckets();
  // Parts, and the shards of a table, have about the same number of keys. Each draws its own
  // steps, so that they do not all grow at the same time.
  const uint64_t draw = CounterRandom(shard_, part.prefix, before);
  const uint32_t more = before / 8 + static_cast<uint32_t>(draw % (before / 8 + 1));
  const uint32_t buckets = before + std::max(more, 1u);
  if (before >= kSplitBuckets) return Split(part, buckets);
  BucketArray table(buckets);
  part.table.ForEach([&](uint64_t key, uint32_t row) { table.Insert(HashKey(key), key, row); });
  part.table = std::move(table);
}

void KeyIndex::Split(Part& part, uint32_t buckets) {
  if (part.depth == depth_) {
    std::vector<Part*> directory(directory_.size() * 2);
    for (size_t i = 0; i < directory.size(); ++i) directory[i] = directory_[i / 2];
    directory_ = std::move(directory);
    ++depth_;
  }
  const int depth = part.depth + 1;
  BucketArray low(buckets / 2);
  auto high = std::make_unique<Part>(
      Part{.table = BucketArray(buckets / 2), .depth = depth, .prefix = 2 * part.prefix + 1});
  part.table.ForEach([&](uint64_t key, uint32_t row) {
    const uint64_t hash = HashKey(key);
    const bool upper = PlaceOf(hash) >> (64 - depth) & 1;
    (upper ? high->table : low).Insert(hash, key, row);
  });
  const size_t entries = size_t{1} << (depth_ - depth);  // of each half
  parts_.reserve(parts_.size() + 1);
  std::fill_n(directory_.begin() + static_cast<int64_t>(high->prefix * entries), entries,
              high.get());
  part = {.table = std::move(low), .depth = depth, .prefix = 2 * part.prefix};
  parts_.push_back(std::move(high));
}

size_t KeyIndex::bytes() const {
  size_t bytes = directory_.size() * sizeof(Part*) + parts_.size() * sizeof(Part);
  for (const auto& part : parts_) bytes += part->table.bytes();
  return bytes;
}

}  // namespace paramd
