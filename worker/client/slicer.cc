#include "worker/client/slicer.h"

#include <algorithm>
#include <numeric>

#include "common/routing/shard_of.h"

namespace paramd {
namespace {

// Shard numbers, those of one server together.
std::vector<uint32_t> ShardsByServer(const v1::TablePlacement& table) {
  std::vector<uint32_t> shards(table.shard_servers_size());
  std::iota(shards.begin(), shards.end(), 0);
  std::stable_sort(shards.begin(), shards.end(), [&](uint32_t a, uint32_t b) {
    return table.shard_servers(static_cast<int>(a)) < table.shard_servers(static_cast<int>(b));
  });
  return shards;
}

// Collects rows into slices of at most `max_rows`.
class SliceBuilder {
 public:
  SliceBuilder(std::vector<Slice>* slices, uint32_t max_rows)
      : slices_(slices), max_rows_(std::max(max_rows, 1u)) {}

  // Rows that still fit into the current slice for `server`, at least one.
  uint32_t Room(uint32_t server) {
    if (slices_->empty() || slices_->back().server != server ||
        slices_->back().rows.size() >= max_rows_) {
      slices_->emplace_back().server = server;
    }
    return max_rows_ - static_cast<uint32_t>(slices_->back().rows.size());
  }

  Slice& current() { return slices_->back(); }

 private:
  std::vector<Slice>* slices_;
  const uint32_t max_rows_;
};

}  // namespace

std::vector<Slice> SliceSparse(const v1::TablePlacement& table, absl::Span<const uint64_t> keys,
                               uint32_t max_rows) {
  const auto shards = static_cast<uint32_t>(table.shard_servers_size());
  // Counting sort by shard; it is stable, so keys stay in order.
  std::vector<uint32_t> shard_of(keys.size());
  std::vector<uint32_t> offsets(shards + 1, 0);
  for (size_t i = 0; i < keys.size(); ++i) {
    shard_of[i] = ShardOfKey(keys[i], shards);
    ++offsets[shard_of[i] + 1];
  }
  std::partial_sum(offsets.begin(), offsets.end(), offsets.begin());
  std::vector<uint32_t> rows(keys.size());
  std::vector<uint32_t> next(offsets.begin(), offsets.end() - 1);
  for (size_t i = 0; i < keys.size(); ++i) rows[next[shard_of[i]]++] = static_cast<uint32_t>(i);

  std::vector<Slice> slices;
  SliceBuilder builder(&slices, max_rows);
  for (const uint32_t shard : ShardsByServer(table)) {
    uint32_t at = offsets[shard];
    while (at < offsets[shard + 1]) {
      const uint32_t room = builder.Room(table.shard_servers(static_cast<int>(shard)));
      const uint32_t end = std::min(offsets[shard + 1], at + room);
      Slice& slice = builder.current();
      slice.segments.push_back({.shard = shard, .rows = end - at});
      for (; at < end; ++at) {
        slice.rows.push_back(rows[at]);
        slice.keys.push_back(keys[rows[at]]);
      }
    }
  }
  return slices;
}

std::vector<Slice> SliceDense(const v1::TablePlacement& table, uint32_t max_rows) {
  const auto shards = static_cast<uint32_t>(table.shard_servers_size());
  std::vector<Slice> slices;
  SliceBuilder builder(&slices, max_rows);
  for (const uint32_t shard : ShardsByServer(table)) {
    const RowRange range = RowsOfShard(table.spec().rows(), shards, shard);
    uint64_t at = range.begin;
    while (at < range.end) {
      const uint32_t room = builder.Room(table.shard_servers(static_cast<int>(shard)));
      const uint64_t end = std::min(range.end, at + room);
      Slice& slice = builder.current();
      slice.segments.push_back(
          {.shard = shard, .rows = static_cast<uint32_t>(end - at), .first_row = at});
      for (; at < end; ++at) slice.rows.push_back(static_cast<uint32_t>(at));
    }
  }
  return slices;
}

}  // namespace paramd
