#include "server/table/table.h"

#include <catch2/catch.hpp>
#include <functional>
#include <vector>

namespace paramd {
namespace {

v1::TableSpec Spec(v1::TableSpec::Kind kind) {
  v1::TableSpec spec;
  spec.set_name("weights");
  spec.set_kind(kind);
  spec.set_rows(kind == v1::TableSpec::DENSE ? 10 : 0);
  spec.set_dim(2);
  spec.mutable_consistency()->set_mode(v1::Consistency::BSP);
  spec.mutable_optimizer()->set_type(v1::Optimizer::SGD);
  spec.mutable_optimizer()->set_learning_rate(1);
  return spec;
}

TEST_CASE("a table has the shards that live here") {
  const auto table = Table::Create(Spec(v1::TableSpec::DENSE), {true, false, true, false}, nullptr);
  REQUIRE(table.ok());
  CHECK((*table)->shards() == 4);
  CHECK((*table)->shard(0) != nullptr);
  CHECK((*table)->shard(1) == nullptr);
  CHECK((*table)->synchronous());
  CHECK_FALSE((*table)->sparse());
  // 10 rows in 4 shards: [0, 2) [2, 5) [5, 7) [7, 10).
  CHECK((*table)->Size().rows == 4);
  RowSet rows = {.count = 2, .first_row = 5};
  CHECK((*table)->shard(2)->CheckRows(&rows, nullptr).ok());
}

TEST_CASE("under another placement a table keeps the shards it has") {
  const v1::TableSpec spec = Spec(v1::TableSpec::SPARSE);
  const auto before = Table::Create(spec, {true, true, false}, nullptr);
  const auto after = Table::Create(spec, {false, true, true}, before->get());
  REQUIRE(after.ok());
  CHECK((*after)->shard(0) == nullptr);
  CHECK((*after)->shard(1) == (*before)->shard(1));
  CHECK((*after)->shard(2) != nullptr);

  v1::TableSpec other = spec;
  other.set_dim(3);
  CHECK_FALSE(Table::Create(other, {true, true, true}, before->get()).ok());
  CHECK_FALSE(Table::Create(spec, {true, true}, before->get()).ok());
}

TEST_CASE("specs that make no sense are refused") {
  const auto refused = [](v1::TableSpec::Kind kind, const std::function<void(v1::TableSpec&)>& edit,
                          size_t shards = 4) {
    v1::TableSpec spec = Spec(kind);
    edit(spec);
    const auto table = Table::Create(spec, std::vector<bool>(shards, true), nullptr);
    return table.status().code() == absl::StatusCode::kInvalidArgument;
  };
  const auto dense = v1::TableSpec::DENSE, sparse = v1::TableSpec::SPARSE;
  CHECK_FALSE(refused(dense, [](v1::TableSpec&) {}));
  CHECK(refused(
      dense, [](v1::TableSpec&) {}, 0));
  CHECK(refused(
      dense, [](v1::TableSpec&) {}, 11));
  CHECK(refused(dense, [](v1::TableSpec& spec) { spec.clear_name(); }));
  CHECK(refused(dense, [](v1::TableSpec& spec) { spec.clear_kind(); }));
  CHECK(refused(dense, [](v1::TableSpec& spec) { spec.clear_dim(); }));
  CHECK(refused(dense, [](v1::TableSpec& spec) { spec.clear_rows(); }));
  CHECK(refused(dense, [](v1::TableSpec& spec) { spec.set_rows(UINT64_MAX); }));
  CHECK(refused(dense, [](v1::TableSpec& spec) { spec.clear_consistency(); }));
  CHECK(refused(dense, [](v1::TableSpec& spec) { spec.clear_optimizer(); }));
  CHECK(refused(sparse, [](v1::TableSpec& spec) { spec.set_rows(1); }));
}

}  // namespace
}  // namespace paramd
