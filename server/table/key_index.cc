#include "server/table/key_index.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

#include "common/base/random.h"

namespace paramd {
namespace {

constexpr uint32_t kSplitBuckets = (3 << 20) / 64;  // at least, and at most twice as many
// Up to here a table grows in few large steps; what that wastes is small. Only large ones count.
constexpr uint32_t kSmallBuckets = (1 << 20) / 64;
constexpr size_t kEntriesPerPart = 64;  // of the directory, at most

// Each entry twice.
template <typename T>
std::vector<T> Doubled(const std::vector<T>& entries) {
  std::vector<T> doubled(entries.size() * 2);
  for (size_t i = 0; i < doubled.size(); ++i) doubled[i] = entries[i / 2];
  return doubled;
}

}  // namespace

template <typename Value>
KeyIndex<Value>::KeyIndex(uint32_t shard, uint32_t shards)
    : shard_(shard), shards_(shards), tables_(1), part_of_entry_(1) {
  parts_.push_back({.table = BucketArray<Value>(1)});
  Enter(0);
}

template <typename Value>
uint64_t KeyIndex<Value>::room() const {
  uint64_t room = 0;
  for (const Part& part : parts_) room += part.table.room();
  return room;
}

template <typename Value>
Value* KeyIndex<Value>::Insert(uint64_t hash) {
  ++size_;
  if (hash != 0) return parts_[PartOf(hash)].table.Insert(hash);
  has_zero_ = true;
  return &zero_;
}

template <typename Value>
Value KeyIndex<Value>::Remove(uint64_t hash) {
  --size_;
  if (hash != 0) return parts_[PartOf(hash)].table.Remove(hash);
  has_zero_ = false;
  return std::exchange(zero_, {});
}

template <typename Value>
void KeyIndex<Value>::MakeRoom(uint64_t hash) {
  const size_t index = PartOf(hash);
  Part& part = parts_[index];
  // Hashes that begin alike beyond chance stay in one table, whatever its size, for the directory
  // to stay small.
  const bool divisible = part.depth < depth_ || tables_.size() < kEntriesPerPart * parts_.size();
  const uint64_t draw = CounterRandom(shard_, part.prefix, static_cast<uint64_t>(part.depth));
  const uint64_t limit = kSplitBuckets + draw % kSplitBuckets;
  if (part.table.buckets() >= limit && divisible) return Split(index);
  BucketArray<Value> table(Larger(part.prefix, part.table.buckets()));
  part.table.ForEach([&](uint64_t hash, const Value& value) { *table.Insert(hash) = value; });
  part.table = std::move(table);
  Enter(index);
}

template <typename Value>
void KeyIndex<Value>::Reserve(uint64_t hashes) {
  assert(size_ == 0);
  int depth = 0;
  while (BucketArray<Value>::BucketsFor(hashes >> depth) > kSplitBuckets) ++depth;
  // They fall evenly, but for some standard deviations.
  const auto mean = static_cast<double>(hashes >> depth);
  const auto most = static_cast<uint64_t>(mean + 4 * std::sqrt(mean)) + 1;
  std::vector<Part> parts;
  for (uint64_t prefix = 0; prefix < uint64_t{1} << depth; ++prefix) {
    parts.push_back({BucketArray<Value>(BucketArray<Value>::BucketsFor(most)), depth, prefix});
  }
  tables_.resize(parts.size());
  part_of_entry_.resize(parts.size());
  parts_ = std::move(parts);
  depth_ = depth;
  for (size_t part = 0; part < parts_.size(); ++part) Enter(part);
}

template <typename Value>
uint32_t KeyIndex<Value>::Larger(uint64_t prefix, uint32_t buckets) const {
  const uint64_t draw = CounterRandom(shard_, prefix, buckets);
  const auto up_to = [draw](uint32_t most) { return static_cast<uint32_t>(draw % (most + 1)); };
  if (buckets < kSmallBuckets) return 2 * buckets + up_to(buckets / 2);
  return buckets + buckets / 8 + up_to(buckets / 8);
}

template <typename Value>
void KeyIndex<Value>::Enter(size_t part) {
  const size_t entries = size_t{1} << (depth_ - parts_[part].depth);
  const auto first = static_cast<int64_t>(parts_[part].prefix * entries);
  std::fill_n(tables_.begin() + first, entries, parts_[part].table.span());
  std::fill_n(part_of_entry_.begin() + first, entries, static_cast<uint32_t>(part));
}

template <typename Value>
void KeyIndex<Value>::Split(size_t index) {
  parts_.reserve(parts_.size() + 1);
  Part& part = parts_[index];
  const int depth = part.depth + 1;
  const auto upper = [&](uint64_t hash) { return hash * shards_ >> (64 - depth) & 1; };
  uint64_t uppers = 0;
  part.table.ForEach([&](uint64_t hash, const Value&) { uppers += upper(hash); });
  const auto half = [&](uint64_t prefix, uint64_t hashes) {
    const uint32_t buckets = Larger(prefix, BucketArray<Value>::BucketsFor(hashes + 1));
    return Part{BucketArray<Value>(buckets), depth, prefix};
  };
  Part low = half(2 * part.prefix, part.table.size() - uppers);
  Part high = half(2 * part.prefix + 1, uppers);
  if (depth > depth_) {
    auto tables = Doubled(tables_);
    part_of_entry_ = Doubled(part_of_entry_);
    tables_ = std::move(tables);
    ++depth_;
  }
  part.table.ForEach([&](uint64_t hash, const Value& value) {
    *(upper(hash) ? high : low).table.Insert(hash) = value;
  });
  part = std::move(low);
  parts_.push_back(std::move(high));
  Enter(index);
  Enter(parts_.size() - 1);
}

template <typename Value>
size_t KeyIndex<Value>::bytes() const {
  size_t bytes = parts_.size() * sizeof(Part) +
                 tables_.size() * (sizeof(tables_[0]) + sizeof(part_of_entry_[0]));
  for (const Part& part : parts_) bytes += part.table.bytes();
  return bytes;
}

template class KeyIndex<uint32_t>;
template class KeyIndex<ShortRow<1>>;
template class KeyIndex<ShortRow<2>>;
template class KeyIndex<ShortRow<3>>;

}  // namespace paramd
