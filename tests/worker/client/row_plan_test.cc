#include "worker/client/row_plan.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <utility>

#include "common/base/random.h"
#include "common/routing/shard_of.h"
#include "common/wire/byte_reader.h"

namespace paramd {
namespace {

v1::TablePlacement TableOf(v1::TableSpec::Kind kind, uint64_t rows, uint32_t shards,
                           uint32_t servers, uint32_t dim = 1) {
  v1::TablePlacement table;
  table.mutable_spec()->set_kind(kind);
  table.mutable_spec()->set_rows(rows);
  table.mutable_spec()->set_dim(dim);
  for (uint32_t s = 0; s < shards; ++s) table.add_shard_servers(s % servers + 1);
  return table;
}

v1::TablePlacement Sparse(uint32_t shards, uint32_t servers, uint32_t dim = 1) {
  return TableOf(v1::TableSpec::SPARSE, 0, shards, servers, dim);
}

std::vector<uint64_t> SomeKeys(size_t count, uint64_t below = 1 << 20) {
  Random random(3);
  std::set<uint64_t> keys;
  while (keys.size() < count) keys.insert(random.NextBelow(below));
  return {keys.begin(), keys.end()};
}

RowPlan PlanOf(const v1::TablePlacement& table, absl::Span<const uint64_t> keys,
               const RowPlanner::Options& options = {}) {
  RowPlanner planner(5, table, options);
  RowPlan plan;
  planner.PlanSparse(keys, &plan);
  return plan;
}

// The keys of a part as its server reads them.
std::vector<uint64_t> Decoded(const RowPlan& plan, const RowPlan::Part& part, KeyCodec codec) {
  const ByteReader::Piece piece(part.keys.data(), part.keys.size());
  ByteReader bytes({&piece, 1});
  std::vector<uint64_t> keys;
  for (const Segment& segment : plan.segments_of(part)) {
    std::vector<uint64_t> decoded(segment.rows);
    REQUIRE(DecodeKeys(codec, &bytes, absl::MakeSpan(decoded)).ok());
    keys.insert(keys.end(), decoded.begin(), decoded.end());
  }
  CHECK(bytes.remaining() == 0);
  return keys;
}

// Everything that a plan for `keys` promises, whatever its options are.
void CheckSparse(const RowPlan& plan, const v1::TablePlacement& table,
                 const std::vector<uint64_t>& keys, KeyCodec codec) {
  CHECK(plan.table == 5);
  CHECK(plan.dim == table.spec().dim());
  CHECK(plan.sparse);
  CHECK(plan.rows == keys.size());
  REQUIRE(plan.order.size() == keys.size());
  REQUIRE(plan.keys.size() == keys.size());
  std::vector<bool> seen(keys.size(), false);
  size_t at = 0, next_segment = 0;
  for (const RowPlan::Part& part : plan.parts) {
    CHECK(part.first_segment == next_segment);
    CHECK(part.first_row == at);
    REQUIRE(part.segment_count > 0);
    std::set<uint32_t> shards;
    for (const Segment& segment : plan.segments_of(part)) {
      CHECK(shards.insert(segment.shard).second);
      CHECK(table.shard_servers(static_cast<int>(segment.shard)) == part.server);
      REQUIRE(segment.rows > 0);
      for (uint32_t i = 0; i < segment.rows; ++i, ++at) {
        REQUIRE(plan.order[at] < keys.size());
        CHECK(keys[plan.order[at]] == plan.keys[at]);
        const auto count = static_cast<uint32_t>(table.shard_servers_size());
        CHECK(ShardOfKey(plan.keys[at], count) == segment.shard);
        if (i > 0) CHECK(plan.keys[at] > plan.keys[at - 1]);
        CHECK_FALSE(seen[plan.order[at]]);
        seen[plan.order[at]] = true;
      }
    }
    CHECK(at == part.first_row + part.rows);
    next_segment += part.segment_count;
    const auto own = absl::MakeConstSpan(plan.keys).subspan(part.first_row, part.rows);
    CHECK(Decoded(plan, part, codec) == std::vector<uint64_t>(own.begin(), own.end()));
  }
  CHECK(at == keys.size());
  CHECK(next_segment == plan.segments.size());
}

TEST_CASE("every key is in one part, in its shard, on its server, in order") {
  const std::vector<uint64_t> keys = SomeKeys(5000);
  for (const uint32_t servers : {1u, 3u, 64u}) {
    const v1::TablePlacement table = Sparse(64, servers);
    for (const KeyCodec codec : {KeyCodec::kRaw, KeyCodec::kPacked}) {
      for (const uint64_t chunk : {1, 50, 5000, 1 << 20}) {
        CheckSparse(PlanOf(table, keys, {.chunk_bytes = chunk, .key_codec = codec}), table, keys,
                    codec);
      }
    }
  }
}

TEST_CASE("keys from everywhere") {
  const std::vector<uint64_t> keys = {0, 1, UINT32_MAX, uint64_t{1} << 63, UINT64_MAX};
  for (const uint32_t shards : {1u, 7u}) {
    const v1::TablePlacement table = Sparse(shards, 2, 3);
    CheckSparse(PlanOf(table, keys), table, keys, KeyCodec::kPacked);
  }
}

TEST_CASE("one part a server when the chunk allows, none without keys") {
  const v1::TablePlacement table = Sparse(64, 3);
  const RowPlan plan = PlanOf(table, SomeKeys(5000));
  REQUIRE(plan.parts.size() == 3);
  CHECK(std::set{plan.parts[0].server, plan.parts[1].server, plan.parts[2].server} ==
        std::set{1u, 2u, 3u});
  CHECK(PlanOf(table, {}).parts.empty());
}

TEST_CASE("servers without a key get no part") {
  const v1::TablePlacement table = Sparse(64, 64);
  const RowPlan plan = PlanOf(table, std::vector<uint64_t>{17});
  REQUIRE(plan.parts.size() == 1);
  CHECK(plan.parts[0].server == ShardOfKey(17, 64) + 1);
}

TEST_CASE("parts are about as large as a chunk, and never larger than a message") {
  const std::vector<uint64_t> keys = SomeKeys(20000);
  for (const uint32_t dim : {1u, 16u}) {
    for (const uint32_t servers : {1u, 2u, 4u}) {
      const RowPlan chunks = PlanOf(Sparse(64, servers, dim), keys, {.chunk_bytes = 4096});
      for (const RowPlan::Part& part : chunks.parts) {
        CHECK(part.rows * (dim * sizeof(float) + 3) < 1.6 * 4096);
      }
      const uint64_t full = keys.size() * (dim * sizeof(float) + 3) / 4096;
      CHECK(chunks.parts.size() > 0.9 * static_cast<double>(full));
      CHECK(chunks.parts.size() < 1.2 * static_cast<double>(full) + 4);
    }
    const v1::TablePlacement table = Sparse(64, 4, dim);

    constexpr uint64_t kMax = 1000;
    const RowPlan cut = PlanOf(table, keys, {.chunk_bytes = 1 << 20, .max_bytes = kMax});
    CheckSparse(cut, table, keys, KeyCodec::kPacked);
    for (const RowPlan::Part& part : cut.parts) {
      CHECK(part.rows * dim * sizeof(float) + part.keys.size() <= kMax);
    }
  }
}

TEST_CASE("a row that is larger than the largest operation goes alone") {
  const v1::TablePlacement table = Sparse(8, 2, 100);
  const std::vector<uint64_t> keys = SomeKeys(20);
  const RowPlan plan = PlanOf(table, keys, {.chunk_bytes = 8, .max_bytes = 8});
  CheckSparse(plan, table, keys, KeyCodec::kPacked);
  CHECK(plan.parts.size() == 20);
}

TEST_CASE("a plan that is made again has nothing of the plan before") {
  const v1::TablePlacement table = Sparse(64, 3);
  RowPlanner planner(5, table, {.chunk_bytes = 1000, .name_key_lists = true});
  RowPlan plan;
  planner.PlanSparse(SomeKeys(3000), &plan);
  for (const size_t count : {10, 2000, 0, 1}) {
    const std::vector<uint64_t> keys = SomeKeys(count);
    planner.PlanSparse(keys, &plan);
    CheckSparse(plan, table, keys, KeyCodec::kPacked);
  }
}

TEST_CASE("lists that differ have names that differ") {
  const v1::TablePlacement table = Sparse(4, 1);
  const RowPlanner::Options named = {.name_key_lists = true};
  const auto name_of = [&](const std::vector<uint64_t>& keys) {
    const RowPlan plan = PlanOf(table, keys, named);
    REQUIRE(plan.parts.size() == 1);
    return std::string(plan.parts[0].key_list_name());
  };
  const std::vector<uint64_t> keys = SomeKeys(100);
  const std::string name = name_of(keys);
  CHECK(name.size() == 16);
  CHECK(name_of(keys) == name);
  std::set<std::string> names = {name};
  for (size_t i = 0; i < keys.size(); ++i) {
    std::vector<uint64_t> fewer = keys, other = keys;
    fewer.erase(fewer.begin() + static_cast<ptrdiff_t>(i));
    CHECK(names.insert(name_of(fewer)).second);
    if (i + 1 < keys.size() && keys[i] + 1 == keys[i + 1]) continue;
    ++other[i];
    CHECK(names.insert(name_of(other)).second);
  }
  // The same keys, cut otherwise.
  CHECK(PlanOf(Sparse(5, 1), keys, named).parts[0].key_list_name() != name);
  CHECK(PlanOf(table, keys).parts[0].key_list.empty());
}

TEST_CASE("dense plans hold every row once, as ranges inside shards") {
  for (const uint32_t servers : {1u, 3u}) {
    for (const uint64_t max_rows : {1, 10, 1 << 20}) {
      const v1::TablePlacement table = TableOf(v1::TableSpec::DENSE, 101, 8, servers, 2);
      const RowPlan plan = RowPlanner(5, table, {.chunk_bytes = max_rows * 8}).PlanDense();
      CHECK(plan.rows == 101);
      CHECK(plan.dim == 2);
      CHECK_FALSE(plan.sparse);
      CHECK(plan.order.empty());
      CHECK(plan.keys.empty());
      std::set<uint64_t> seen;
      for (const RowPlan::Part& part : plan.parts) {
        CHECK(part.rows <= std::max<uint64_t>(2 * max_rows, 1));
        CHECK(part.keys.size() == 0);
        CHECK(part.key_list.empty());
        uint64_t rows = 0;
        for (const Segment& segment : plan.segments_of(part)) {
          CHECK(table.shard_servers(static_cast<int>(segment.shard)) == part.server);
          const RowRange range = RowsOfShard(101, 8, segment.shard);
          CHECK(segment.first_row >= range.begin);
          CHECK(segment.first_row + segment.rows <= range.end);
          rows += segment.rows;
          for (uint32_t i = 0; i < segment.rows; ++i) {
            CHECK(seen.insert(segment.first_row + i).second);
          }
        }
        CHECK(rows == part.rows);
      }
      CHECK(seen.size() == 101);
      if (max_rows > 101) CHECK(plan.parts.size() == servers);
    }
  }
}

// The rows of each piece of each shard: keys of a sparse table, numbers of a dense one.
using Pieces = std::map<std::pair<uint32_t, uint32_t>, std::vector<uint64_t>>;

Pieces PiecesOf(const RowPlan& plan) {
  Pieces pieces;
  for (const RowPlan::Part& part : plan.parts) {
    std::set<uint32_t> shards;
    uint64_t at = part.first_row;
    for (const Segment& segment : plan.segments_of(part)) {
      // An operation has one piece of a shard, at most.
      CHECK(shards.insert(segment.shard).second);
      std::vector<uint64_t>& rows = pieces[{segment.shard, segment.piece}];
      CHECK(rows.empty());
      for (uint32_t i = 0; i < segment.rows; ++i) {
        rows.push_back(plan.sparse ? plan.keys[at++] : segment.first_row + i);
      }
    }
  }
  for (const auto& [name, rows] : pieces) {
    const auto [shard, piece] = name;
    if (piece > 0) CHECK(pieces.contains({shard, piece - 1}));
  }
  return pieces;
}

// On so many servers, each shard on any of them.
v1::TablePlacement Scattered(v1::TablePlacement table, uint64_t servers, uint64_t seed) {
  Random random(seed);
  for (uint32_t& server : *table.mutable_shard_servers()) {
    server = static_cast<uint32_t>(random.NextBelow(servers) + 1);
  }
  return table;
}

TEST_CASE("a shard's keys are cut in the same pieces wherever shards are") {
  const std::vector<uint64_t> keys = SomeKeys(20000);
  for (const uint32_t shards : {1u, 5u, 64u}) {
    for (const uint64_t chunk : {100, 4096, 30000, 1 << 20}) {
      const RowPlanner::Options options = {.chunk_bytes = chunk, .max_bytes = 64 << 10};
      const v1::TablePlacement one = Sparse(shards, 1, 3);
      const Pieces expected = PiecesOf(PlanOf(one, keys, options));
      for (const uint32_t servers : {2u, 3u, 5u}) {
        CHECK(PiecesOf(PlanOf(Sparse(shards, servers, 3), keys, options)) == expected);
        CHECK(PiecesOf(PlanOf(Scattered(one, servers, servers), keys, options)) == expected);
      }
      if (chunk <= 4096) CHECK(expected.size() > shards);
    }
  }
}

TEST_CASE("pieces begin anew with every plan") {
  RowPlanner planner(5, Sparse(5, 2), {.chunk_bytes = 1000});
  RowPlan plan;
  planner.PlanSparse(SomeKeys(3000), &plan);
  const Pieces first = PiecesOf(plan);
  planner.PlanSparse(SomeKeys(3000), &plan);
  CHECK(PiecesOf(plan) == first);
}

TEST_CASE("a dense shard's rows are cut in the same pieces wherever shards are") {
  for (const uint64_t rows : {3, 1000, 1031, 2600}) {
    for (const uint64_t max_rows : {7, 100, 1 << 20}) {
      const RowPlanner::Options options = {.chunk_bytes = max_rows * 8, .max_bytes = 150 * 8};
      const v1::TablePlacement one = TableOf(v1::TableSpec::DENSE, rows, 10, 1, 2);
      const RowPlan whole = RowPlanner(5, one, options).PlanDense();
      const Pieces expected = PiecesOf(whole);
      for (const RowPlan::Part& part : whole.parts) CHECK(part.rows <= 150);
      for (const uint32_t servers : {2u, 3u, 5u}) {
        for (const v1::TablePlacement& table :
             {TableOf(v1::TableSpec::DENSE, rows, 10, servers, 2), Scattered(one, servers, rows)}) {
          CHECK(PiecesOf(RowPlanner(5, table, options).PlanDense()) == expected);
        }
      }
    }
  }
}

TEST_CASE("dense shards that are a little larger than a chunk go out whole") {
  const v1::TablePlacement table = TableOf(v1::TableSpec::DENSE, 1031, 10, 2, 2);
  CHECK(RowPlanner(5, table, {.chunk_bytes = 100 * 8}).PlanDense().parts.size() == 10);
  CHECK(RowPlanner(5, table, {.chunk_bytes = 50 * 8}).PlanDense().parts.size() == 20);
}

TEST_CASE("a plan for some of a plan's rows has these, where they were") {
  const v1::TablePlacement table = Sparse(16, 3);
  const std::vector<uint64_t> keys = SomeKeys(5000);
  const RowPlanner::Options options = {.chunk_bytes = 4096, .name_key_lists = true};
  RowPlanner planner(5, table, options);
  RowPlan plan;
  planner.PlanSparse(keys, &plan);
  Random random(4);
  RowPlan subset;
  for (const uint64_t one_in : {1, 2, 50, 100000}) {
    std::vector<uint32_t> rows;
    for (uint32_t i = 0; i < keys.size(); ++i) {
      if (random.NextBelow(one_in) == 0) rows.push_back(i);
    }
    planner.PlanSubset(plan, rows, &subset);
    REQUIRE(subset.order.size() == rows.size());
    REQUIRE(subset.keys.size() == rows.size());
    CHECK(subset.rows == keys.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      CHECK(subset.order[i] == plan.order[rows[i]]);
      CHECK(subset.keys[i] == plan.keys[rows[i]]);
    }
    size_t at = 0;
    for (const RowPlan::Part& part : subset.parts) {
      REQUIRE(part.rows > 0);
      CHECK(part.first_row == at);
      CHECK(part.key_list.empty());
      const std::vector<uint64_t> decoded = Decoded(subset, part, KeyCodec::kPacked);
      REQUIRE(decoded.size() == part.rows);
      for (const Segment& segment : subset.segments_of(part)) {
        CHECK(table.shard_servers(static_cast<int>(segment.shard)) == part.server);
        for (uint32_t i = 0; i < segment.rows; ++i, ++at) {
          CHECK(decoded[at - part.first_row] == subset.keys[at]);
          CHECK(ShardOfKey(subset.keys[at], 16) == segment.shard);
        }
      }
    }
    CHECK(at == rows.size());
  }
}

TEST_CASE("parts may be used while the rest is planned") {
  const std::vector<uint64_t> keys = SomeKeys(3000);
  RowPlanner planner(5, Sparse(16, 2), {.chunk_bytes = 4096});
  RowPlan plan;
  std::vector<size_t> parts;
  const RowPlan::Part* first = nullptr;
  planner.PlanSparse(keys, &plan, [&](size_t count) {
    parts.push_back(count);
    if (first == nullptr) first = plan.parts.data();
  });
  CHECK(parts.size() > 1);
  CHECK(std::is_sorted(parts.begin(), parts.end()));
  CHECK(parts.back() == plan.parts.size());
  // Nothing has moved.
  CHECK(first == plan.parts.data());
}

}  // namespace
}  // namespace paramd
