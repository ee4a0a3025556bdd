#include "server/table/row_table.h"

#include <algorithm>
#include <cassert>

#include "absl/base/attributes.h"
#include "server/table/find_values.h"
#include "server/table/key_index.h"
#include "server/table/row_arena.h"

namespace paramd {
namespace {

// Rows in the buckets of the index.
template <size_t kWidth>
class ShortRows final : public RowTable {
 public:
  ShortRows(uint32_t shard, uint32_t shards) : index_(shard, shards) {}

  void Prefetch(absl::Span<const uint64_t> hashes) const override { index_.Prefetch(hashes); }
  void Find(absl::Span<const uint64_t> hashes, size_t count, float** rows) const override {
    ShortRow<kWidth>* values[kMaxBatch];
    index_.Find(hashes, count, values);
    for (size_t i = 0; i < count; ++i) {
      rows[i] = values[i] == nullptr ? nullptr : values[i]->data();
    }
  }
  bool HasRoom(uint64_t hash) const override { return index_.HasRoom(hash); }
  uint64_t room() const override { return index_.room(); }
  void Reserve(uint64_t rows) override { index_.Reserve(rows); }
  void MakeRoom(uint64_t hash) override { index_.MakeRoom(hash); }
  float* Add(uint64_t hash) override { return index_.Insert(hash)->data(); }
  void Remove(uint64_t hash) override { index_.Remove(hash); }
  void Scan(uint64_t buckets, const Visitor& visit) override {
    index_.Scan(buckets, &scan_, Of(visit));
  }
  void Sample(uint64_t draw, const Visitor& visit) const override {
    auto position = index_.At(draw);
    index_.Scan(1, &position, Of(visit));
  }
  void ForEach(const Visitor& visit) const override { index_.ForEach(Of(visit)); }
  uint64_t size() const override { return index_.size(); }
  size_t bytes() const override { return index_.bytes(); }

 private:
  static auto Of(const Visitor& visit) {
    return [&visit](uint64_t hash, const ShortRow<kWidth>& row) { visit(hash, row.data()); };
  }

  KeyIndex<ShortRow<kWidth>> index_;
  typename KeyIndex<ShortRow<kWidth>>::Position scan_;
};

// Numbers of rows in the index, the rows in an arena.
class LongRows final : public RowTable {
  auto Of(const Visitor& visit) const {
    return [this, &visit](uint64_t hash, uint32_t number) { visit(hash, rows_.row(number)); };
  }

 public:
  LongRows(uint32_t shard, uint32_t shards, size_t width) : index_(shard, shards), rows_(width) {}

  void Prefetch(absl::Span<const uint64_t> hashes) const override { index_.Prefetch(hashes); }
  void Find(absl::Span<const uint64_t> hashes, size_t count, float** rows) const override {
    uint32_t* numbers[kMaxBatch];
    index_.Find(hashes, count, numbers);
    for (size_t i = 0; i < count; ++i) {
      rows[i] = numbers[i] == nullptr ? nullptr : rows_.row(*numbers[i]);
      if (numbers[i] != nullptr) PrefetchRow(rows[i]);
    }
  }
  bool HasRoom(uint64_t hash) const override { return index_.HasRoom(hash); }
  uint64_t room() const override { return std::min(index_.room(), rows_.removed()); }
  void Reserve(uint64_t rows) override { index_.Reserve(rows); }
  void MakeRoom(uint64_t hash) override { index_.MakeRoom(hash); }
  float* Add(uint64_t hash) override {
    const uint64_t number = rows_.Append();
    assert(number <= UINT32_MAX);
    *index_.Insert(hash) = static_cast<uint32_t>(number);
    return rows_.row(number);
  }
  void Remove(uint64_t hash) override { rows_.Remove(index_.Remove(hash)); }
  void Scan(uint64_t buckets, const Visitor& visit) override {
    index_.Scan(buckets, &scan_, Of(visit));
  }
  void Sample(uint64_t draw, const Visitor& visit) const override {
    auto position = index_.At(draw);
    index_.Scan(1, &position, Of(visit));
  }
  void ForEach(const Visitor& visit) const override { index_.ForEach(Of(visit)); }
  uint64_t size() const override { return index_.size(); }
  size_t bytes() const override { return rows_.bytes() + index_.bytes(); }

 private:
  // The begin of a row; always inline as BucketDirectory::Prefetch.
  ABSL_ATTRIBUTE_ALWAYS_INLINE void PrefetchRow(const float* row) const {
    constexpr size_t kLine = 64, kMaxLines = 8;
    const auto* const begin = reinterpret_cast<const char*>(row);
    const size_t bytes = rows_.width() * sizeof(float);
    for (size_t at = 0; at < std::min(bytes, kMaxLines * kLine); at += kLine) {
      __builtin_prefetch(begin + at);
    }
  }

  KeyIndex<uint32_t> index_;
  mutable RowArena rows_;  // Find gives rows out
  KeyIndex<uint32_t>::Position scan_;
};

}  // namespace

std::unique_ptr<RowTable> RowTable::Create(uint32_t shard, uint32_t shards, size_t width) {
  switch (width) {
    case 1:
      return std::make_unique<ShortRows<1>>(shard, shards);
    case 2:
      return std::make_unique<ShortRows<2>>(shard, shards);
    case 3:
      return std::make_unique<ShortRows<3>>(shard, shards);
    default:
      return std::make_unique<LongRows>(shard, shards, width);
  }
}

}  // namespace paramd
