#include "worker/client/recut.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <map>
#include <set>
#include <utility>

namespace paramd {
namespace {

v1::TablePlacement Sparse(uint32_t servers) {
  v1::TablePlacement table;
  table.mutable_spec()->set_kind(v1::TableSpec::SPARSE);
  table.mutable_spec()->set_dim(1);
  for (uint32_t shard = 0; shard < 8; ++shard) table.add_shard_servers(shard % servers + 1);
  return table;
}

// Keys and values of each piece of each shard; every value is its key.
using Pieces = std::map<std::pair<uint32_t, uint32_t>, std::vector<uint64_t>>;

void AddPieces(const Fragment& fragment, Pieces* pieces) {
  std::vector<float> values;
  for (const grpc::Slice& slice : fragment.values) {
    const size_t before = values.size();
    values.resize(before + slice.size() / sizeof(float));
    std::memcpy(values.data() + before, slice.begin(), slice.size());
  }
  const RowPlan& plan = *fragment.plan;
  const RowPlan::Part& part = plan.parts[fragment.part];
  REQUIRE(values.size() == part.rows);
  const absl::Span<const uint64_t> keys = plan.keys_of(part);
  std::set<uint32_t> shards;
  size_t at = 0;
  for (const Segment& segment : plan.segments_of(part)) {
    CHECK(shards.insert(segment.shard).second);
    std::vector<uint64_t>& rows = (*pieces)[{segment.shard, segment.piece}];
    CHECK(rows.empty());
    for (uint32_t i = 0; i < segment.rows; ++i, ++at) {
      CHECK(values[at] == static_cast<float>(keys[at]));
      rows.push_back(keys[at]);
    }
  }
}

TEST_CASE("operations that are cut anew have the pieces that they had") {
  std::vector<uint64_t> keys(5000);
  for (size_t i = 0; i < keys.size(); ++i) keys[i] = 3 * i;
  for (const uint32_t servers : {1u, 2u, 5u}) {
    RowPlanner before(0, Sparse(3), {.chunk_bytes = 1000, .epoch = 1});
    auto plan = std::make_shared<RowPlan>();
    before.PlanSparse(keys, plan.get());
    REQUIRE(plan->segments.back().piece > 0);
    const v1::TablePlacement placement = Sparse(servers);
    const RowPlanner after(0, placement, {.chunk_bytes = 1000, .epoch = 2});
    Pieces old_pieces, new_pieces;
    for (uint32_t i = 0; i < plan->parts.size(); ++i) {
      std::vector<float> values;
      for (const uint64_t key : plan->keys_of(plan->parts[i])) {
        values.push_back(static_cast<float>(key));
      }
      const Fragment whole = {
          .plan = plan,
          .part = i,
          .values = {grpc::Slice(values.data(), values.size() * sizeof(float))}};
      AddPieces(whole, &old_pieces);
      for (const auto& [server, fragment] : Recut({whole}, ValueCodec::kF32, placement, after)) {
        CHECK(fragment.plan->parts[fragment.part].server == server);
        AddPieces(fragment, &new_pieces);
      }
    }
    CHECK(new_pieces == old_pieces);
  }
}

}  // namespace
}  // namespace paramd
