// CoordinatorCore: how training is looked at, and how it ends before its epochs do.

#include <catch2/catch.hpp>

#include "tests/server/coordinator/core_cluster.h"

namespace paramd {
namespace {

v1::Config Compared(uint32_t epochs, uint32_t patience, bool keep_best) {
  v1::Config config = ConfigOf(1, 1, epochs);
  config.mutable_data()->set_eval_every(1);
  config.mutable_output()->set_model("/m");
  config.mutable_training()->set_metric(v1::Training::AUC);
  config.mutable_training()->set_patience(patience);
  config.mutable_training()->set_keep_best(keep_best);
  return config;
}

// One epoch of one partition and its evaluation, which gives `auc`.
void Epoch(Small& small, double auc) {
  small.DoPartitions(1);
  const v1::WorkGrant grant = *small.cluster.Grant(small.worker);
  REQUIRE(grant.kind() == v1::WorkGrant::EVALUATE);
  small.cluster.Evaluated(small.worker, grant.lease(), auc);
  small.cluster.Idle(small.worker);
}

TEST_CASE("training ends when evaluations are no better for too long") {
  Small small(Compared(10, 2, false), 1, 1);
  for (const double auc : {0.6, 0.7, 0.65}) Epoch(small, auc);
  CHECK(small.cluster.Job().phase() == v1::TRAINING);
  // Also when the coordinator is another one meanwhile.
  const bool restart = GENERATE(false, true);
  if (restart) {
    small.cluster.Restart();
    small.server = small.cluster.Join(v1::SHARD_HOST, "s0");
    small.cluster.Applied(small.server);
    small.worker = small.cluster.Join(v1::WORKER, "w0");
  }
  Epoch(small, 0.7);
  CHECK(small.cluster.Job().phase() == v1::SAVING);
  CHECK(small.cluster.Job().epoch() == 4);
  CHECK(small.cluster.Job().best_evaluation() == 2);
  CHECK(small.cluster.saved() == std::vector<std::string>{"/m"});
  small.cluster.ModelSaved(absl::OkStatus());
  CHECK(small.cluster.Job().state() == v1::SUCCEEDED);
  CHECK(small.cluster.Job().stopped() ==
        "2 evaluations in a row were no better than evaluation 2 (training.patience)");
}

TEST_CASE("an evaluation that is better by less than min_delta is no better") {
  v1::Config config = Compared(10, 2, false);
  config.mutable_training()->set_min_delta(0.1);
  Small small(config, 1, 1);
  for (const double auc : {0.5, 0.59, 0.58}) Epoch(small, auc);
  CHECK(small.cluster.Job().phase() == v1::SAVING);
}

TEST_CASE("the model of the best evaluation is what is saved") {
  Small small(Compared(3, 0, true), 1, 1);
  Cluster& cluster = small.cluster;
  Epoch(small, 0.6);
  CHECK(cluster.saved() == std::vector<std::string>{"/m.best"});
  // Nothing changes until it is saved.
  CHECK_FALSE(cluster.Grant(small.worker).has_value());
  SECTION("to its end") {
    cluster.ModelSaved(absl::OkStatus());
    Epoch(small, 0.7);
    cluster.ModelSaved(absl::OkStatus());
    Epoch(small, 0.65);
    CHECK(cluster.saved() == std::vector<std::string>{"/m.best", "/m.best"});
    CHECK(cluster.renamed() == std::vector<std::string>{"/m.best > /m"});
    cluster.ModelSaved(absl::OkStatus());
    CHECK(cluster.Job().state() == v1::SUCCEEDED);
    CHECK(cluster.Job().model() == "/m");
    CHECK(cluster.Job().best_evaluation() == 2);
  }
  SECTION("a coordinator that is started again saves it again") {
    cluster.Restart();
    cluster.Advance(absl::ZeroDuration());
    CHECK(cluster.saved() == std::vector<std::string>{"/m.best", "/m.best"});
  }
  SECTION("a disk that is full fails the job") {
    cluster.ModelSaved(absl::ResourceExhaustedError("write /m.best: No space left on device"));
    CHECK(cluster.Job().state() == v1::FAILED);
    CHECK(cluster.Job().message().find("/m.best") != std::string::npos);
  }
}

TEST_CASE("without a figure to compare, the last model is saved") {
  Small small(Compared(1, 0, true), 1, 1);
  Epoch(small, std::nan(""));
  CHECK(small.cluster.saved() == std::vector<std::string>{"/m"});
  CHECK(small.cluster.Job().best_evaluation() == 0);
}

// Two workers of which each has one of six partitions of the first epoch.
struct Two {
  explicit Two(v1::Config config)
      : cluster(std::move(config), 6, 1), server(cluster.Join(v1::SHARD_HOST, "s0")) {
    for (const char* name : {"w0", "w1"}) workers.push_back(cluster.Worker(name));
    cluster.Applied(server);
    for (const ConnectionId worker : workers) held.push_back(*cluster.Grant(worker));
  }

  Cluster cluster;
  ConnectionId server;
  std::vector<ConnectionId> workers;
  std::vector<v1::WorkGrant> held;
};

TEST_CASE("training stops after max_seconds; workers end what they have and nothing else begins") {
  v1::Config config = ConfigOf(1, 2, 100);
  config.mutable_training()->set_max_seconds(2);
  Two two(config);
  Cluster& cluster = two.cluster;
  cluster.Advance(absl::Milliseconds(1999));
  CHECK_FALSE(cluster.Stopped(two.workers[0]));
  cluster.Advance(absl::Milliseconds(1));
  for (const ConnectionId worker : two.workers) CHECK(cluster.Stopped(worker));
  cluster.Request(two.workers[0]);
  CHECK(cluster.RefusedRequest(two.workers[0]) == 1);
  // The one part of its partition, the other is lost with what it had.
  cluster.Done(two.workers[0], two.held[0].lease(), 4);
  cluster.Idle(two.workers[0]);
  CHECK(cluster.Job().phase() == v1::TRAINING);
  v1::MemberMessage goodbye;
  goodbye.mutable_goodbye();
  cluster.Send(two.workers[1], goodbye);
  cluster.Applied(two.server);
  CHECK(cluster.Job().phase() == v1::EVALUATING);
  const v1::WorkGrant evaluation = *cluster.Grant(two.workers[0]);
  CHECK(evaluation.kind() == v1::WorkGrant::EVALUATE);
  cluster.Evaluated(two.workers[0], evaluation.lease(), 0.7);
  cluster.Idle(two.workers[0]);
  CHECK(cluster.Job().state() == v1::SUCCEEDED);
  CHECK(cluster.Job().examples() == 4);
  CHECK(cluster.Job().epoch() == 1);
  CHECK(cluster.Job().stopped() == "training.max_seconds of 2");
}

TEST_CASE("the time of a coordinator before this one counts") {
  v1::Config config = ConfigOf(1, 2, 100);
  config.mutable_training()->set_max_seconds(4);
  Two two(config);
  two.cluster.Advance(absl::Seconds(2));
  two.cluster.Restart();
  const ConnectionId worker = two.cluster.Join(v1::WORKER, "w0");
  two.cluster.Advance(absl::Milliseconds(1999));
  CHECK_FALSE(two.cluster.Stopped(worker));
  two.cluster.Advance(absl::Milliseconds(1));
  CHECK(two.cluster.Stopped(worker));
  CHECK(two.cluster.Job().seconds() == Approx(4));
}

TEST_CASE("a worker evaluates while the others train on") {
  v1::Config config = ConfigOf(1, 2, 2);
  config.mutable_training()->set_eval_examples(15);
  Two two(config);
  Cluster& cluster = two.cluster;
  cluster.Report(two.workers[0], 10);
  cluster.Request(two.workers[0], 1);
  CHECK(cluster.Grant(two.workers[0])->kind() == v1::WorkGrant::TRAIN);
  cluster.Report(two.workers[1], 10);
  // The one that asks next; the other one goes on.
  cluster.Request(two.workers[1], 1);
  const v1::WorkGrant evaluation = *cluster.Grant(two.workers[1]);
  CHECK(evaluation.kind() == v1::WorkGrant::EVALUATE);
  cluster.Request(two.workers[0], 2);
  CHECK(cluster.Grant(two.workers[0])->kind() == v1::WorkGrant::TRAIN);
  CHECK(cluster.Job().phase() == v1::TRAINING);

  SECTION("and goes on itself") {
    cluster.Done(two.workers[1], two.held[1].lease());
    cluster.Evaluated(two.workers[1], evaluation.lease(), 0.8);
    cluster.Idle(two.workers[1]);
    CHECK(cluster.Grant(two.workers[1])->kind() == v1::WorkGrant::TRAIN);
    REQUIRE(cluster.evaluations().size() == 1);
    CHECK(cluster.evaluations()[0].examples() == 20);
    CHECK(cluster.evaluations()[0].epoch() == 1);
    CHECK(cluster.evaluations()[0].metrics().auc() == 0.8);
    CHECK(cluster.Job().partitions_done() == 1);
    // The next one at 30 examples.
    cluster.Report(two.workers[1], 19);
    cluster.Request(two.workers[0], 3);
    CHECK(cluster.Grant(two.workers[0])->kind() == v1::WorkGrant::TRAIN);
    cluster.Report(two.workers[1], 20);
    cluster.Request(two.workers[0], 4);
    CHECK(cluster.Grant(two.workers[0])->kind() == v1::WorkGrant::EVALUATE);
  }
  SECTION("when it is lost another one does it") {
    v1::MemberMessage goodbye;
    goodbye.mutable_goodbye();
    cluster.Send(two.workers[1], goodbye);
    cluster.Request(two.workers[0], 3);
    const v1::WorkGrant again = *cluster.Grant(two.workers[0]);
    CHECK(again.kind() == v1::WorkGrant::EVALUATE);
    CHECK(again.attempt() == 2);
  }
}

TEST_CASE("out of patience in an epoch: training stops, and the end is evaluated") {
  v1::Config config = Compared(50, 1, true);
  config.mutable_data()->set_eval_every(0);
  config.mutable_training()->set_eval_examples(10);
  Small small(config, 4, 1);
  Cluster& cluster = small.cluster;
  const auto evaluate = [&](uint64_t examples, double auc) {
    const v1::WorkGrant training = *cluster.Grant(small.worker);
    REQUIRE(training.kind() == v1::WorkGrant::TRAIN);
    cluster.Report(small.worker, examples);
    cluster.Request(small.worker, examples);
    const v1::WorkGrant evaluation = *cluster.Grant(small.worker);
    REQUIRE(evaluation.kind() == v1::WorkGrant::EVALUATE);
    cluster.Done(small.worker, training.lease());
    cluster.Evaluated(small.worker, evaluation.lease(), auc);
  };
  evaluate(10, 0.8);
  CHECK(cluster.saved() == std::vector<std::string>{"/m.best"});
  // Saving does not stop the workers, and no other evaluation begins meanwhile.
  cluster.Idle(small.worker);
  cluster.ModelSaved(absl::OkStatus());
  evaluate(20, 0.7);
  CHECK(cluster.Stopped(small.worker));
  cluster.Idle(small.worker);
  CHECK(cluster.Job().phase() == v1::EVALUATING);
  cluster.Evaluated(small.worker, cluster.Grant(small.worker)->lease(), 0.75);
  cluster.Idle(small.worker);
  CHECK(cluster.renamed() == std::vector<std::string>{"/m.best > /m"});
  CHECK(cluster.Job().examples() == 20);
}

TEST_CASE("the history has a point a second, one at the end, and every evaluation") {
  Two two(ConfigOf(1, 2));
  Cluster& cluster = two.cluster;
  for (int i = 0; i < 5; ++i) cluster.Advance(absl::Milliseconds(500));
  CHECK(cluster.points().size() == 2);
  CHECK(cluster.Job().history_size() == 2);
  CHECK(cluster.points()[1].seconds() == Approx(2));
  cluster.Advance(absl::Milliseconds(100));
  cluster.Report(two.workers[0], 10);
  uint64_t request = 0;
  for (v1::WorkGrant held = two.held[0]; true; held = *cluster.Grant(two.workers[0])) {
    cluster.Request(two.workers[0], ++request);
    cluster.Done(two.workers[0], held.lease());
    if (cluster.RefusedRequest(two.workers[0]) == request) break;
  }
  cluster.Idle(two.workers[0]);
  cluster.Done(two.workers[1], two.held[1].lease());
  cluster.Idle(two.workers[1]);
  REQUIRE(cluster.Job().phase() == v1::EVALUATING);
  REQUIRE(cluster.points().size() == 3);
  CHECK(cluster.points()[2].examples() == 60);
  CHECK(cluster.points()[2].seconds() == Approx(2.6));
}

TEST_CASE("a saved model with other tables ends the job before it begins") {
  v1::Config config = ConfigOf(1, 1);
  config.mutable_model()->set_init("/old");
  v1::TableSpec weights;
  weights.set_name("weights");
  weights.set_kind(v1::TableSpec::SPARSE);
  weights.set_dim(1);
  absl::StatusOr<InitialModel> init(InitialModel{.tables = {weights}});
  std::string error;
  SECTION("the right ones") {}
  SECTION("rows of another size") {
    init->tables.front().set_dim(2);
    error =
        "model.init: /old: table \"weights\" is sparse with rows of 2 values, the model "
        "needs sparse with rows of 1";
  }
  SECTION("another kind") {
    init->tables.front().set_kind(v1::TableSpec::DENSE);
    init->tables.front().set_rows(7);
    error =
        "model.init: /old: table \"weights\" is dense with 7 rows of 1 values, the model "
        "needs sparse with rows of 1";
  }
  SECTION("none") {
    init->tables.clear();
    error = "model.init: /old: there is no table \"weights\"";
  }
  SECTION("one too many") {
    init->tables.push_back(weights);
    init->tables.back().set_name("bias");
    error = "model.init: /old: the model has no table \"bias\"";
  }
  SECTION("a file that cannot be read") {
    init = absl::NotFoundError("open /old: No such file or directory");
    error = "model.init: open /old: No such file or directory";
  }
  Cluster cluster(config, 1, 0, init);
  cluster.Join(v1::SHARD_HOST, "s0");
  cluster.Worker("w0");
  CHECK(cluster.Job().message() == error);
  CHECK(cluster.Job().exit_code() == (error.empty() ? 0 : 78));
  CHECK(cluster.Job().state() == (error.empty() ? v1::RUNNING : v1::FAILED));
}

}  // namespace
}  // namespace paramd
