#include "deploy/paramctl/run_result.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <string>

namespace paramd {
namespace {

LocalCluster::Outcome Success() {
  LocalCluster::Outcome outcome;
  outcome.status.emplace();
  v1::JobStatus& job = *outcome.status->mutable_job();
  job.set_state(v1::SUCCEEDED);
  job.set_examples(800);
  job.set_seconds(4);
  job.set_model("/m.safetensors");
  v1::Metrics& metrics = *job.add_evaluations()->mutable_metrics();
  metrics.set_auc(0.5);
  metrics.set_logloss(0.25);
  metrics.set_accuracy(0.75);
  metrics.set_rmse(NAN);
  metrics.set_loss(0.25);
  return outcome;
}

TEST_CASE("a success in JSON") {
  CHECK(
      RunResultJson(Success(), 2, 3) ==
      R"({"state":"Succeeded","servers":2,"workers":3,"examples":800,"seconds":4.0,)"
      R"("examples_per_second":200.0,"eval":{"auc":0.5,"logloss":0.25,"accuracy":0.75,"loss":0.25},)"
      R"("model":"/m.safetensors"})");
}

TEST_CASE("figures that a model does not have are null") {
  LocalCluster::Outcome outcome = Success();
  v1::Metrics& metrics = *outcome.status->mutable_job()->mutable_evaluations(0)->mutable_metrics();
  metrics.set_auc(NAN);
  metrics.set_rmse(0.5);
  const std::string json = RunResultJson(outcome, 1, 1);
  CHECK(json.find(R"("eval":{"auc":null,"logloss":0.25,"accuracy":0.75,"rmse":0.5,"loss":0.25})") !=
        std::string::npos);
}

TEST_CASE("a failure in JSON, before the coordinator said anything") {
  CHECK(RunResultJson({.exit_code = 1, .message = "no \"program\"\xff"}, 1, 2) ==
        R"({"state":"Failed","servers":1,"workers":2,"examples":0,"seconds":0.0,)"
        R"("examples_per_second":0.0,"eval":null,"model":null,)"
        "\"message\":\"no \\\"program\\\"\xef\xbf\xbd\"}");
}

TEST_CASE("a result for a person") {
  const std::string text = RunResultText(Success());
  CHECK(text.find("Succeeded after 4.0 s: 800 examples, 200 a second\n") == 0);
  CHECK(text.find("AUC 0.5000, log loss 0.2500, accuracy 0.7500") != std::string::npos);
  CHECK(text.find("model: /m.safetensors") != std::string::npos);
  CHECK(RunResultText({.exit_code = 1}).empty());
}

}  // namespace
}  // namespace paramd
