// CoordinatorCore: the pass that measures the columns before training.

#include <catch2/catch.hpp>

#include "tests/server/coordinator/core_cluster.h"

namespace paramd {
namespace {

v1::DataShape TwoColumns() {
  v1::DataShape data;
  data.set_columns(2);
  return data;
}

v1::Config ScaledConfig(uint32_t workers) {
  v1::Config config = ConfigOf(1, workers);
  config.mutable_data()->set_scaling(v1::Data::MIN_MAX);
  return config;
}

// A worker has read ten values of each of the columns, `low` to `high` and 0 to 1.
void Measured(Cluster& cluster, ConnectionId worker, uint64_t lease, double low, double high,
              uint64_t records = 10, uint64_t bad = 0) {
  v1::MemberMessage message;
  v1::WorkDone& done = *message.mutable_work_done();
  done.set_lease(lease);
  done.set_records(records);
  done.set_bad_records(bad);
  for (const auto& [min, max] : {std::pair(low, high), std::pair(0.0, 1.0)}) {
    v1::ColumnStatistics& column = *done.add_columns();
    column.set_count(records);
    column.set_mean((min + max) / 2);
    column.set_min(min);
    column.set_max(max);
  }
  cluster.Send(worker, message);
  cluster.Idle(worker);
}

TEST_CASE("columns are measured, then the view says what becomes of them, then training begins") {
  v1::Config config = ScaledConfig(1);
  // Whole files: what is measured does not depend on how many workers there are.
  if (GENERATE(false, true)) config.mutable_data()->set_assignment(v1::Data::STRIPES);
  Cluster cluster(config, 2);
  const ConnectionId server = cluster.Join(v1::SHARD_HOST, "s0");
  const ConnectionId worker = cluster.Worker("w0", TwoColumns());
  CHECK(cluster.Job().phase() == v1::MEASURING);
  CHECK(cluster.Job().partitions() == 2);
  cluster.Applied(server);
  for (int i = 0; i < 2; ++i) {
    const std::optional<v1::WorkGrant> grant = cluster.Grant(worker);
    REQUIRE(grant.has_value());
    CHECK(grant->kind() == v1::WorkGrant::MEASURE);
    REQUIRE(grant->partitions_size() == 1);
    CHECK(grant->partitions(0).file() == absl::StrCat("part", i));
    CHECK(grant->partitions(0).stripes() == 0);
    CHECK(cluster.View(worker).shard_map().data().scales().empty());
    Measured(cluster, worker, grant->lease(), 10.0 * i, 10.0 * i + 10);
  }
  CHECK(cluster.Job().phase() == v1::TRAINING);
  CHECK(cluster.Job().epoch() == 1);
  CHECK(cluster.Job().examples() == 0);
  CHECK(cluster.Starts(worker) == 0);
  const v1::DataShape& data = cluster.View(worker).shard_map().data();
  REQUIRE(data.scales_size() == 2);
  CHECK(data.scales(0).offset() == 0);
  CHECK(data.scales(0).factor() == 0.05f);
  CHECK(data.scales(0).missing() == 10);
  CHECK(data.scales(1).factor() == 1);
  CHECK(cluster.View(server).shard_map().data().scales_size() == 2);
  // The servers knew the worker before.
  CHECK(cluster.Grant(worker)->kind() == v1::WorkGrant::TRAIN);
}

TEST_CASE("what a lost worker was measuring is measured by another one, also after a restart") {
  Cluster cluster(ScaledConfig(2), 3);
  ConnectionId server = cluster.Join(v1::SHARD_HOST, "s0");
  ConnectionId a = cluster.Worker("a", TwoColumns());
  ConnectionId b = cluster.Worker("b", TwoColumns());
  cluster.Applied(server);
  Measured(cluster, a, cluster.Grant(a)->lease(), 0, 1);
  Measured(cluster, b, cluster.Grant(b)->lease(), 0, 100);
  const v1::WorkGrant held = *cluster.Grant(a);
  CHECK_FALSE(cluster.Grant(b).has_value());

  if (GENERATE(false, true)) {
    cluster.Restart();
    server = cluster.Join(v1::SHARD_HOST, "s0");
    cluster.Applied(server);
    a = cluster.Join(v1::WORKER, "a");
    b = cluster.Join(v1::WORKER, "b");
    CHECK(cluster.Job().phase() == v1::MEASURING);
    CHECK(cluster.Job().partitions_done() == 2);
  }
  cluster.Disconnect(a);
  a = cluster.Join(v1::WORKER, "a", 2);
  const std::optional<v1::WorkGrant> retry = cluster.Grant(b);
  REQUIRE(retry.has_value());
  CHECK(retry->kind() == v1::WorkGrant::MEASURE);
  CHECK(retry->attempt() == 2);
  CHECK(retry->partitions(0).file() == held.partitions(0).file());
  Measured(cluster, b, retry->lease(), -300, 0);
  cluster.Idle(a);
  cluster.Applied(server);
  CHECK(cluster.Job().phase() == v1::TRAINING);
  const v1::DataShape& data = cluster.View(b).shard_map().data();
  REQUIRE(data.scales_size() == 2);
  CHECK(data.scales(0).offset() == -300);
  CHECK(data.scales(0).factor() == 1 / 400.0f);
}

TEST_CASE("files that training would refuse are refused before it") {
  Cluster cluster(ScaledConfig(1), 1);
  const ConnectionId server = cluster.Join(v1::SHARD_HOST, "s0");
  const ConnectionId worker = cluster.Worker("w0", TwoColumns());
  cluster.Applied(server);
  const uint64_t lease = cluster.Grant(worker)->lease();
  SECTION("too many bad records") {
    Measured(cluster, worker, lease, 0, 1, 8, 2);
    CHECK(cluster.Job().message().find("2 of 10 records are bad") == 0);
  }
  SECTION("no record") {
    Measured(cluster, worker, lease, 0, 1, 0);
    CHECK(cluster.Job().message() == "the training files hold no record");
  }
  CHECK(cluster.Job().state() == v1::FAILED);
  CHECK(cluster.Job().exit_code() == 65);
}

TEST_CASE("a saved model brings its own scales, and nothing is measured") {
  v1::Config config = ScaledConfig(1);
  config.mutable_model()->set_init("/old");
  v1::TableSpec weights;
  weights.set_name("weights");
  weights.set_kind(v1::TableSpec::SPARSE);
  weights.set_dim(1);
  InitialModel init = {.tables = {weights}, .scaling = v1::Data::MIN_MAX};
  init.scales.resize(2);
  init.scales[1].set_factor(0.5f);
  std::string error;
  SECTION("the same scaling") {}
  SECTION("the configuration says nothing of it") {
    config.mutable_data()->set_scaling(v1::Data::AS_IS);
  }
  SECTION("another scaling") {
    init.scaling = v1::Data::STANDARD;
    error =
        "model.init: /old: was trained with data.scaling: standard, not min_max; leave "
        "data.scaling out, a saved model has its own";
  }
  SECTION("no scaling") {
    init.scaling = v1::Data::SCALING_UNSPECIFIED;
    init.scales.clear();
    error =
        "model.init: /old: was trained with data.scaling: as_is, not min_max; leave "
        "data.scaling out, a saved model has its own";
  }
  SECTION("other columns") {
    init.scales.resize(3);
    error = "model.init: /old: was trained on 3 feature columns, the data have 2";
  }
  Cluster cluster(config, 1, 0, init);
  cluster.Join(v1::SHARD_HOST, "s0");
  const ConnectionId worker = cluster.Worker("w0", TwoColumns());
  CHECK(cluster.Job().message() == error);
  if (!error.empty()) {
    CHECK(cluster.Job().exit_code() == 78);
    return;
  }
  CHECK(cluster.Job().phase() == v1::TRAINING);
  CHECK(cluster.View(worker).shard_map().data().scales(1).factor() == 0.5f);
}

TEST_CASE("means for a saved model that has none are measured") {
  v1::Config config = ConfigOf(1, 1);
  config.mutable_data()->mutable_csv()->set_missing(v1::Csv::MEAN);
  config.mutable_model()->set_init("/old");
  v1::TableSpec weights;
  weights.set_name("weights");
  weights.set_kind(v1::TableSpec::SPARSE);
  weights.set_dim(1);
  Cluster cluster(config, 1, 0, InitialModel{.tables = {weights}});
  cluster.Join(v1::SHARD_HOST, "s0");
  cluster.Worker("w0", TwoColumns());
  CHECK(cluster.Job().phase() == v1::MEASURING);
}

TEST_CASE("a job whose time is over before its columns are measured fails and says so") {
  v1::Config config = ScaledConfig(1);
  config.mutable_training()->set_max_seconds(2);
  Cluster cluster(config, 2);
  cluster.Join(v1::SHARD_HOST, "s0");
  cluster.Worker("w0", TwoColumns());
  REQUIRE(cluster.Job().phase() == v1::MEASURING);
  cluster.Advance(absl::Seconds(2));
  CHECK(cluster.Job().state() == v1::FAILED);
  CHECK(cluster.Job().message().find("training.max_seconds of 2 were over before") == 0);
}

}  // namespace
}  // namespace paramd
