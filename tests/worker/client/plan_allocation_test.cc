// In a steady state a client allocates nothing to plan the rows of a batch and to write what comes
// before keys and values.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "common/wire/frame.h"
#include "common/wire/key_list_lru.h"
#include "common/wire/operation.h"
#include "common/wire/segment.h"
#include "common/wire/value_codec.h"
#include "paramd/v1/coordinator.pb.h"
#include "paramd/v1/parameter.pb.h"
#include "tests/testing/count_allocations.h"
#include "worker/client/row_plan.h"

namespace paramd {
namespace {

// Different ones each time, as batches have.
std::vector<uint64_t> KeysOfBatch(uint64_t batch, size_t count) {
  Random random(batch);
  std::vector<uint64_t> keys(count);
  uint64_t key = 0;
  for (uint64_t& each : keys) each = key += 1 + random.NextBelow(100);
  return keys;
}

TEST_CASE("a plan that is made again for as many keys") {
  v1::TablePlacement table;
  table.mutable_spec()->set_kind(v1::TableSpec::SPARSE);
  table.mutable_spec()->set_dim(1);
  for (uint32_t shard = 0; shard < 64; ++shard) table.add_shard_servers(shard % 3 + 1);
  for (const bool named : {false, true}) {
    RowPlanner planner(0, table, {.chunk_bytes = 16 << 10, .name_key_lists = named});
    RowPlan plan;
    for (uint64_t batch = 0; batch < 30; ++batch) {
      const std::vector<uint64_t> keys = KeysOfBatch(batch, 20000);
      const size_t before = Allocations();
      planner.PlanSparse(keys, &plan);
      const size_t allocations = Allocations() - before;
      REQUIRE(plan.rows == 20000);
      if (batch >= 5) CHECK(allocations == 0);
    }
  }
}

TEST_CASE("what comes before keys and values") {
  std::vector<Segment> segments;
  for (uint32_t shard = 0; shard < 64; ++shard) {
    segments.push_back({.shard = shard, .rows = 1000 + shard});
  }
  Operation operation = {
      .kind = OperationKind::kPush, .client = 3, .segments = segments, .codec = ValueCodec::kInt8};
  const std::string name = "a name, 16 bytes";
  v1::Header header;
  std::string before_keys;
  uint8_t before_values[kMaxBeforeValues];
  for (uint64_t i = 0; i < 30; ++i) {
    operation.sequence = i << 40;
    const size_t before = Allocations();
    ToHeader(operation, &header);
    header.set_key_list(name);
    WriteBeforeKeys(header, 1000 * i, &before_keys);
    WriteBeforeValues(1000 * i, before_values);
    if (i >= 2) CHECK(Allocations() == before);
  }
}

TEST_CASE("the names of what the server holds") {
  struct Nothing {};
  KeyListLru<Nothing> held(20 * (1024 + 8 * 100));
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) names.push_back("a name of bytes " + std::to_string(i));
  size_t allocations = 0;
  for (int round = 0; round < 100; ++round) {
    const size_t before = Allocations();
    for (const std::string& name : names) {
      if (held.Find(name) == nullptr) held.Insert(name, 100, 4);
    }
    if (round >= 20) allocations += Allocations() - before;
  }
  CHECK(allocations == 0);
}

}  // namespace
}  // namespace paramd
