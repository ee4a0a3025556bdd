#include "worker/client/slicer.h"

#include <catch2/catch.hpp>
#include <set>

#include "common/base/random.h"
#include "common/routing/shard_of.h"

namespace paramd {
namespace {

v1::TablePlacement TableOf(v1::TableSpec::Kind kind, uint64_t rows, uint32_t shards,
                           uint32_t servers) {
  v1::TablePlacement table;
  table.mutable_spec()->set_kind(kind);
  table.mutable_spec()->set_rows(rows);
  table.mutable_spec()->set_dim(1);
  for (uint32_t s = 0; s < shards; ++s) table.add_shard_servers(s % servers + 1);
  return table;
}

std::vector<uint64_t> SomeKeys(size_t count) {
  Random random(3);
  std::set<uint64_t> keys;
  while (keys.size() < count) keys.insert(random.NextBelow(1 << 20));
  return {keys.begin(), keys.end()};
}

TEST_CASE("every key is in one slice, in its shard, on its server, in order") {
  const std::vector<uint64_t> keys = SomeKeys(5000);
  for (const uint32_t max_rows : {1u, 7u, 1000u, 1u << 20}) {
    const v1::TablePlacement table = TableOf(v1::TableSpec::SPARSE, 0, 64, 3);
    std::vector<bool> seen(keys.size(), false);
    for (const Slice& slice : SliceSparse(table, keys, max_rows)) {
      CHECK(slice.rows.size() <= max_rows);
      REQUIRE(slice.keys.size() == slice.rows.size());
      size_t at = 0;
      std::set<uint32_t> shards;
      for (const Segment& segment : slice.segments) {
        CHECK(shards.insert(segment.shard).second);
        CHECK(table.shard_servers(static_cast<int>(segment.shard)) == slice.server);
        REQUIRE(segment.rows > 0);
        for (uint32_t i = 0; i < segment.rows; ++i, ++at) {
          CHECK(keys[slice.rows[at]] == slice.keys[at]);
          CHECK(ShardOfKey(slice.keys[at], 64) == segment.shard);
          if (i > 0) CHECK(slice.keys[at] > slice.keys[at - 1]);
          CHECK_FALSE(seen[slice.rows[at]]);
          seen[slice.rows[at]] = true;
        }
      }
      CHECK(at == slice.rows.size());
    }
    CHECK(std::count(seen.begin(), seen.end(), true) == static_cast<long>(keys.size()));
  }
}

TEST_CASE("one slice a server when the limit allows") {
  const v1::TablePlacement table = TableOf(v1::TableSpec::SPARSE, 0, 64, 3);
  CHECK(SliceSparse(table, SomeKeys(5000), 1 << 20).size() == 3);
  CHECK(SliceSparse(table, {}, 1 << 20).empty());
}

TEST_CASE("dense slices hold every row once, as ranges inside shards") {
  for (const uint32_t max_rows : {1u, 10u, 1u << 20}) {
    const v1::TablePlacement table = TableOf(v1::TableSpec::DENSE, 101, 8, 3);
    std::set<uint32_t> seen;
    for (const Slice& slice : SliceDense(table, max_rows)) {
      CHECK(slice.rows.size() <= max_rows);
      CHECK(slice.keys.empty());
      size_t at = 0;
      for (const Segment& segment : slice.segments) {
        const RowRange range = RowsOfShard(101, 8, segment.shard);
        CHECK(segment.first_row >= range.begin);
        CHECK(segment.first_row + segment.rows <= range.end);
        for (uint32_t i = 0; i < segment.rows; ++i, ++at) {
          CHECK(slice.rows[at] == segment.first_row + i);
          CHECK(seen.insert(slice.rows[at]).second);
        }
      }
    }
    CHECK(seen.size() == 101);
  }
}

}  // namespace
}  // namespace paramd
