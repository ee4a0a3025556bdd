// CoordinatorCore: how the job goes.

#include <catch2/catch.hpp>

#include "tests/server/coordinator/core_cluster.h"

namespace paramd {
namespace {

TEST_CASE("training begins when all servers, enough workers and the tables are there") {
  Cluster cluster(ConfigOf(2, 2), 4);
  cluster.Join(v1::SHARD_HOST, "s0");
  const ConnectionId w0 = cluster.Worker("w0");
  cluster.Worker("w1");
  CHECK(cluster.Job().state() == v1::CREATED);
  const ConnectionId s1 = cluster.Join(v1::SHARD_HOST, "s1");
  CHECK(cluster.Job().state() == v1::RUNNING);
  CHECK(cluster.Job().phase() == v1::TRAINING);
  const v1::ShardMap& map = cluster.View(w0).shard_map();
  CHECK(map.epoch() == 1);
  REQUIRE(map.tables_size() == 1);
  CHECK(map.tables(0).shard_servers_size() == 8);
  CHECK(map.tables(0).spec().optimizer().type() == v1::Optimizer::FTRL);
  CHECK(map.tables(0).spec().consistency().mode() == v1::Consistency::SSP);
  CHECK(cluster.View(s1).workers_size() == 2);
}

TEST_CASE("work is given only when every server knows the worker") {
  Cluster cluster(ConfigOf(2, 1), 4);
  const ConnectionId s0 = cluster.Join(v1::SHARD_HOST, "s0");
  const ConnectionId s1 = cluster.Join(v1::SHARD_HOST, "s1");
  const ConnectionId w0 = cluster.Worker("w0");
  CHECK_FALSE(cluster.Grant(w0).has_value());
  cluster.Applied(s0);
  CHECK_FALSE(cluster.Grant(w0).has_value());
  cluster.Applied(s1);
  CHECK(cluster.Grant(w0).has_value());

  SECTION("also one that comes later") {
    const ConnectionId w1 = cluster.Worker("w1");
    CHECK_FALSE(cluster.Grant(w1).has_value());
    cluster.Applied(s0);
    cluster.Applied(s1);
    CHECK(cluster.Grant(w1).has_value());
  }
}

TEST_CASE("epochs follow one another, evaluation in between and at the end, then the model") {
  v1::Config config = ConfigOf(1, 1, 4);
  config.mutable_data()->set_eval_every(2);
  config.mutable_output()->set_model("/m");
  Small small(config, 3, 1);
  Cluster& cluster = small.cluster;
  // The second epoch follows the first without a stop.
  small.DoPartitions(6);
  CHECK(cluster.Job().phase() == v1::EVALUATING);
  CHECK(cluster.Job().epoch() == 2);
  v1::WorkGrant grant = *cluster.Grant(small.worker);
  CHECK(grant.kind() == v1::WorkGrant::EVALUATE);
  CHECK(grant.partitions_size() == 1);
  cluster.Done(small.worker, grant.lease());
  CHECK(cluster.Job().phase() == v1::EVALUATING);
  cluster.Idle(small.worker);
  CHECK(cluster.Job().phase() == v1::TRAINING);
  CHECK(cluster.Job().epoch() == 3);
  CHECK(cluster.Job().evaluations(0).metrics().auc() == 0.75);
  small.DoPartitions(6);
  grant = *cluster.Grant(small.worker);
  cluster.Done(small.worker, grant.lease());
  cluster.Idle(small.worker);
  CHECK(cluster.Job().phase() == v1::SAVING);
  CHECK(cluster.saves() == 1);
  cluster.ModelSaved(absl::OkStatus());
  CHECK(cluster.Job().state() == v1::SUCCEEDED);
  CHECK(cluster.Job().model() == "/m");
  CHECK(cluster.Job().examples() == 4 * 3 * 10);
  CHECK(cluster.Job().progress() == 1);
  CHECK(cluster.Update(small.worker)->state() == v1::SUCCEEDED);
}

TEST_CASE("workers run into the next epoch while a slow one ends this one, and no further") {
  Cluster cluster(ConfigOf(1, 2, 3), 2);
  const ConnectionId server = cluster.Join(v1::SHARD_HOST, "s0");
  const ConnectionId slow = cluster.Worker("slow"), fast = cluster.Worker("fast");
  cluster.Applied(server);
  const v1::WorkGrant held = *cluster.Grant(slow);
  v1::WorkGrant grant = *cluster.Grant(fast);
  for (uint64_t request = 1; request <= 2; ++request) {
    cluster.Request(fast, request);
    cluster.Done(fast, grant.lease());
    grant = *cluster.Grant(fast);
    CHECK(grant.epoch() == 2);
  }
  CHECK(cluster.Job().epoch() == 1);
  CHECK(cluster.Job().partitions_done() == 1);
  cluster.Request(fast, 3);
  cluster.Done(fast, grant.lease());
  CHECK(cluster.RefusedRequest(fast) == 3);
  cluster.Idle(fast);
  CHECK_FALSE(cluster.Grant(fast).has_value());

  SECTION("the slow one ends it") {
    cluster.Done(slow, held.lease());
    CHECK(cluster.Job().epoch() == 3);
    CHECK(cluster.Grant(fast)->epoch() == 3);
  }
  SECTION("the slow one is lost, also to a coordinator that is started again") {
    cluster.Restart();
    const ConnectionId again = cluster.Join(v1::WORKER, "fast");
    cluster.Applied(cluster.Join(v1::SHARD_HOST, "s0"));
    cluster.Heartbeat(again);
    cluster.Disconnect(cluster.Join(v1::WORKER, "slow"));
    cluster.Join(v1::WORKER, "slow", 2);
    const std::optional<v1::WorkGrant> retry = cluster.Grant(again);
    REQUIRE(retry.has_value());
    CHECK(retry->epoch() == 1);
    CHECK(retry->attempt() == 2);
  }
  CHECK(cluster.Job().examples() == (cluster.Job().epoch() == 1 ? 30 : 40));
}

TEST_CASE("a model that cannot be saved fails the job") {
  v1::Config config = ConfigOf(1, 1);
  config.mutable_output()->set_model("/m");
  Small small(config, 1);
  small.DoPartitions(1);
  small.cluster.ModelSaved(absl::ResourceExhaustedError("write /m: No space left on device"));
  CHECK(small.cluster.Job().state() == v1::FAILED);
  CHECK(small.cluster.Job().exit_code() == 1);
  CHECK(small.cluster.Job().message().find("/m") != std::string::npos);
}

TEST_CASE("workers that begin together start together") {
  Cluster cluster(ConfigOf(1, 3), 6);
  const ConnectionId server = cluster.Join(v1::SHARD_HOST, "s0");
  const ConnectionId w0 = cluster.Worker("w0");
  const ConnectionId w1 = cluster.Worker("w1");
  const ConnectionId w2 = cluster.Worker("w2");
  cluster.Applied(server);
  cluster.Attached(w0);
  cluster.Attached(w1);
  CHECK(cluster.Starts(w0) == 0);
  SECTION("when the last one is attached") { cluster.Attached(w2); }
  SECTION("when the last one is lost") {
    cluster.Disconnect(w2);
    cluster.Advance(kLease);
    for (const ConnectionId member : {server, w0, w1}) cluster.Heartbeat(member);
    cluster.Advance(absl::Milliseconds(1));
  }
  CHECK(cluster.Starts(w0) == 1);
  CHECK(cluster.Starts(w1) == 1);
}

TEST_CASE("stripes: one for every worker, over all files") {
  v1::Config config = ConfigOf(1, 2, 2);
  config.mutable_data()->set_assignment(v1::Data::STRIPES);
  Cluster cluster(config, 3);
  const ConnectionId server = cluster.Join(v1::SHARD_HOST, "s0");
  const std::vector<ConnectionId> workers = {cluster.Worker("w0"), cluster.Worker("w1")};
  cluster.Applied(server);
  CHECK(cluster.Job().partitions() == 2);
  for (size_t i = 0; i < workers.size(); ++i) {
    const v1::WorkGrant grant = *cluster.Grant(workers[i]);
    REQUIRE(grant.partitions_size() == 3);
    for (const v1::Partition& partition : grant.partitions()) {
      CHECK(partition.stripe() == i);
      CHECK(partition.stripes() == 2);
    }
    cluster.Done(workers[i], grant.lease());
  }
  // One that comes later gets its stripe in the next epoch.
  const ConnectionId late = cluster.Worker("late");
  cluster.Applied(server);
  for (const ConnectionId worker : workers) cluster.Idle(worker);
  CHECK(cluster.Job().epoch() == 2);
  CHECK(cluster.Grant(late)->partitions(0).stripes() == 3);
}

TEST_CASE("the end of the job is told to whoever comes later, and nothing changes it") {
  Small small(ConfigOf(1, 1), 1);
  small.DoPartitions(1);
  REQUIRE(small.cluster.Job().state() == v1::SUCCEEDED);
  const ConnectionId late = small.cluster.Join(v1::WORKER, "late");
  CHECK(small.cluster.Update(late)->state() == v1::SUCCEEDED);
  CHECK(small.cluster.Closed(late)->ok());
  v1::MemberMessage failure;
  failure.mutable_failure()->set_message("my operations were cancelled");
  small.cluster.Send(small.worker, failure);
  CHECK(small.cluster.Job().state() == v1::SUCCEEDED);
}

TEST_CASE("a row that does not fit into a message is a config error") {
  v1::Config config = ConfigOf(1, 1);
  config.mutable_transport()->set_max_message(16);
  Small small(config, 1);
  CHECK(small.cluster.Job().exit_code() == 78);
  CHECK(small.cluster.Job().message().find("transport.max_message") != std::string::npos);
}

TEST_CASE("too many bad records fail the job with examples; few do not") {
  Small bad(ConfigOf(1, 1, 2), 1);
  v1::WorkGrant grant = *bad.cluster.Grant(bad.worker);
  v1::MemberMessage done;
  done.mutable_work_done()->set_lease(grant.lease());
  done.mutable_work_done()->set_records(80);
  done.mutable_work_done()->set_bad_records(20);
  done.mutable_work_done()->add_bad_record_examples("f:3: no label");
  bad.cluster.Send(bad.worker, done);
  bad.cluster.Idle(bad.worker);
  CHECK(bad.cluster.Job().state() == v1::FAILED);
  CHECK(bad.cluster.Job().exit_code() == 65);
  CHECK(bad.cluster.Job().message().find("f:3: no label") != std::string::npos);

  Small good(ConfigOf(1, 1, 2), 1);
  grant = *good.cluster.Grant(good.worker);
  good.cluster.Done(good.worker, grant.lease(), 90, 10);
  good.cluster.Idle(good.worker);
  CHECK(good.cluster.Job().state() == v1::RUNNING);
  CHECK(good.cluster.Job().bad_records() == 10);
}

TEST_CASE("a worker's failure fails the job with its exit code") {
  Small small(ConfigOf(1, 1), 1);
  v1::MemberMessage failure;
  failure.mutable_failure()->set_message("train.libsvm:7: bad");
  failure.mutable_failure()->set_exit_code(65);
  small.cluster.Send(small.worker, failure);
  CHECK(small.cluster.Job().state() == v1::FAILED);
  CHECK(small.cluster.Job().exit_code() == 65);
  CHECK(small.cluster.Job().message().find("w0") != std::string::npos);
}

TEST_CASE("a table in the configuration that the model does not have is a config error") {
  v1::Config config = ConfigOf(1, 1);
  config.add_tables()->set_name("wieghts");
  Small small(config, 1);
  CHECK(small.cluster.Job().state() == v1::FAILED);
  CHECK(small.cluster.Job().exit_code() == 78);
  CHECK(small.cluster.Job().message().find("wieghts") != std::string::npos);
}

TEST_CASE("a table's own policies take the place of the general ones") {
  v1::Config config = ConfigOf(1, 1);
  v1::Table& table = *config.add_tables();
  table.set_name("weights");
  table.mutable_optimizer()->set_type(v1::Optimizer::ADAGRAD);
  Small small(config, 1);
  const v1::TableSpec& spec = small.cluster.View(small.worker).shard_map().tables(0).spec();
  CHECK(spec.optimizer().type() == v1::Optimizer::ADAGRAD);
  CHECK(spec.consistency().mode() == v1::Consistency::SSP);
}

TEST_CASE("the operator ends the job") {
  Small small(ConfigOf(1, 1), 1);
  small.cluster.core().OnAbort("stopped by SIGINT", absl::Seconds(101));
  CHECK(small.cluster.Job().state() == v1::FAILED);
  CHECK(small.cluster.Job().message() == "stopped by SIGINT");
}

}  // namespace
}  // namespace paramd
