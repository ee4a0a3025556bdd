// Rows that a client uses again instead of pulling them.
#include <catch2/catch.hpp>

#include "tests/worker/client/parameter_cluster.h"

namespace paramd {
namespace {

// A worker on its own, with the tables `w` (sparse, dim 2) and `b` (dense, 5 x 3).
class Fixture {
 public:
  Fixture(v1::Consistency::Mode mode, uint32_t staleness, uint32_t max_age)
      : cluster_({.hosts = 2, .mode = mode, .staleness = staleness}) {
    ParameterClient::Options options = cluster_.ClientOptions(1);
    for (v1::TablePlacement& table : *options.shard_map.mutable_tables()) {
      table.mutable_spec()->mutable_pull()->set_max_age(max_age);
    }
    options.row_cache_bytes = 1 << 20;
    client_ = std::make_unique<ParameterClient>(std::move(options));
    REQUIRE(client_->Attach().ok());
  }

  std::vector<float> Pull(uint32_t table, std::vector<uint64_t> keys, uint64_t clock) {
    std::vector<float> values(table == 0 ? 2 * keys.size() : 15);
    Ends ends;
    client_->PlanAndPull(table, keys, clock, absl::MakeSpan(values), ends.Expect());
    REQUIRE(ends.Wait(*client_).ok());
    return values;
  }

  // The gradient -1 for all values, so that every row grows by one.
  void Push(std::vector<uint64_t> keys, uint64_t clock) {
    const std::vector<float> ones(2 * keys.size(), -1), dense(15, -1);
    const ParameterClient::TableGradients gradients[] = {
        {.plan = client_->Plan(0, keys), .values = BufferOf(ones)},
        {.plan = client_->Plan(1, {}), .values = BufferOf(dense)}};
    Ends ends;
    client_->PushStep(clock, 1, gradients, ends.Expect());
    REQUIRE(ends.Wait(*client_).ok());
  }

  void Update(v1::Consistency::Mode mode, uint32_t max_age, uint64_t from) {
    v1::ShardMap map = client_->shard_map();
    for (v1::TablePlacement& table : *map.mutable_tables()) {
      table.mutable_spec()->mutable_consistency()->set_mode(mode);
      table.mutable_spec()->mutable_pull()->set_max_age(max_age);
      table.mutable_spec()->set_consistency_from(from);
    }
    client_->Announce(map);
  }

  uint64_t pulls() {
    return cluster_.host(0).engine().Counters().pulls + cluster_.host(1).engine().Counters().pulls;
  }

 private:
  ParameterCluster cluster_;
  std::unique_ptr<ParameterClient> client_;
};

const std::vector<uint64_t> kKeys = {1, 2, 3, 4, 5, 6, 7, 8};

TEST_CASE("within the staleness a row is not pulled again") {
  const auto mode = GENERATE(v1::Consistency::SSP, v1::Consistency::ASP);
  Fixture fixture(mode, 3, 3);
  CHECK(fixture.Pull(0, kKeys, 0) == std::vector<float>(16, 0));
  CHECK(fixture.Pull(1, {}, 0) == std::vector<float>(15, 0));
  const uint64_t first = fixture.pulls();
  for (uint64_t clock = 0; clock < 3; ++clock) {
    fixture.Push(kKeys, clock);
    // As it was: the changes of the worker's own last three steps may be missing.
    CHECK(fixture.Pull(0, kKeys, clock + 1) == std::vector<float>(16, 0));
    CHECK(fixture.Pull(1, {}, clock + 1) == std::vector<float>(15, 0));
  }
  CHECK(fixture.pulls() == first);
  fixture.Push(kKeys, 3);
  // Step 0 must be seen at clock 4; all four are.
  CHECK(fixture.Pull(0, kKeys, 4) == std::vector<float>(16, 4));
  CHECK(fixture.Pull(1, {}, 4) == std::vector<float>(15, 4));
  CHECK(fixture.pulls() > first);
}

TEST_CASE("only the rows that are missing are pulled") {
  Fixture fixture(v1::Consistency::SSP, 3, 3);
  fixture.Pull(0, {2, 4, 6, 8}, 0);
  fixture.Push(kKeys, 0);
  std::vector<float> expected;
  for (const uint64_t key : kKeys) expected.insert(expected.end(), 2, key % 2 == 0 ? 0.0f : 1.0f);
  CHECK(fixture.Pull(0, kKeys, 1) == expected);
}

TEST_CASE("with a largest age of 0 every row is pulled") {
  Fixture fixture(v1::Consistency::SSP, 3, 0);
  for (uint64_t clock = 0; clock < 3; ++clock) {
    fixture.Push(kKeys, clock);
    CHECK(fixture.Pull(0, kKeys, clock + 1) ==
          std::vector<float>(16, static_cast<float>(clock + 1)));
    CHECK(fixture.Pull(1, {}, clock + 1) == std::vector<float>(15, static_cast<float>(clock + 1)));
  }
}

TEST_CASE("how long rows are used again is changed on the running cluster") {
  const auto mode = GENERATE(v1::Consistency::SSP, v1::Consistency::ASP);
  Fixture fixture(mode, 3, 2);
  fixture.Pull(0, kKeys, 0);
  fixture.Push(kKeys, 0);
  fixture.Push(kKeys, 1);
  const uint64_t first = fixture.pulls();
  SECTION("a smaller age holds at once") {
    fixture.Update(mode, 1, 100);
    CHECK(fixture.Pull(0, kKeys, 2) == std::vector<float>(16, 2));
  }
  SECTION("a larger age holds from the change on") {
    fixture.Update(mode, 3, 4);
    fixture.Push(kKeys, 2);
    CHECK(fixture.Pull(0, kKeys, 3) == std::vector<float>(16, 3));
    for (uint64_t clock = 3; clock < 6; ++clock) fixture.Push(kKeys, clock);
    CHECK(fixture.Pull(0, kKeys, 6) == std::vector<float>(16, 3));
  }
  SECTION("with another mode rows are not used again") {
    fixture.Update(mode == v1::Consistency::SSP ? v1::Consistency::ASP : v1::Consistency::SSP, 3,
                   0);
    CHECK(fixture.Pull(0, kKeys, 2) == std::vector<float>(16, 2));
    CHECK(fixture.pulls() > first);
  }
}

}  // namespace
}  // namespace paramd
