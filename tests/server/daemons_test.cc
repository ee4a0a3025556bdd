// The daemons' own classes, all in one process: what main starts, a test can start too.

#include <catch2/catch.hpp>

#include "absl/strings/str_cat.h"
#include "common/base/thread.h"
#include "common/config/config.h"
#include "common/model_file/model_file.h"
#include "common/rpc/channel.h"
#include "paramd/v1/config.pb.h"
#include "paramd/v1/status.grpc.pb.h"
#include "server/server.h"
#include "tests/testing/temp_dir.h"
#include "worker/worker.h"

namespace paramd {
namespace {

v1::Config ConfigOf(const TempDir& dir, const std::string& more) {
  const auto loaded = LoadConfig({.file = dir.File("job.yaml"),
                                  .text = absl::StrCat(R"(
version: 1
cluster:
  coordinator: {address: "127.0.0.1:0"}
  linger: 0s
  servers: 2
  workers: 2
model: {type: feature_sum}
consistency: {mode: asp}
optimizer: {type: sgd, learning_rate: 1}
output: {model: model.safetensors}
)",
                                                       more)});
  INFO(loaded.status().message());
  REQUIRE(loaded.ok());
  return loaded->config;
}

// A coordinator that hosts shards, another shard host, and two workers; runs the job to its end.
struct Outcome {
  v1::ClusterStatus status;
  int coordinator = -1, host = -1, first = -1, second = -1;
};

Outcome RunCluster(const v1::Config& config) {
  Outcome outcome;
  auto coordinator = *Server::Start({.config = config, .name = "a"});
  CHECK(coordinator->roles() == "coordinator,shard_host");
  auto host = *Server::Start({.coordinator = coordinator->address(), .name = "b"});
  CHECK(host->roles() == "shard_host");
  auto first = *Worker::Start({.coordinator = coordinator->address(), .name = "w1"});
  auto second = *Worker::Start({.coordinator = coordinator->address(), .name = "w2"});
  Thread a("a", [&] { outcome.coordinator = coordinator->Run(); });
  Thread b("b", [&] { outcome.host = host->Run(); });
  Thread w1("w1", [&] { outcome.first = first->Run(); });
  Thread w2("w2", [&] { outcome.second = second->Run(); });
  w1.Join();
  w2.Join();
  a.Join();
  b.Join();
  const auto stub = v1::StatusService::NewStub(MakeChannel(coordinator->address(), {}));
  grpc::ClientContext context;
  CHECK(stub->GetClusterStatus(&context, {}, &outcome.status).ok());
  return outcome;
}

TEST_CASE("a job from its files to the saved model") {
  TempDir dir;
  std::string rows;
  for (int i = 0; i < 1000; ++i) absl::StrAppend(&rows, "1 ", i, ":", i % 5 + 1, "\n");
  dir.Write("train.libsvm", rows);
  const v1::Config config =
      ConfigOf(dir, "data: {train: [train.libsvm], epochs: 3, batch_size: 9}\n");
  const Outcome outcome = RunCluster(config);
  CHECK(outcome.coordinator == 0);
  CHECK(outcome.host == 0);
  CHECK(outcome.first == 0);
  CHECK(outcome.second == 0);
  CHECK(outcome.status.job().state() == v1::SUCCEEDED);
  CHECK(outcome.status.job().examples() == 3000);
  CHECK(outcome.status.problems().empty());
  const auto model = ReadModelFile(config.output().model());
  REQUIRE(model.ok());
  REQUIRE(model->tables.size() == 1);
  REQUIRE(model->tables[0].keys.size() == 1000);
  for (uint64_t i = 0; i < 1000; ++i) {
    CHECK(model->tables[0].keys[i] == i);
    CHECK(model->tables[0].values[i] == 3.0f * static_cast<float>(i % 5 + 1));
  }
}

TEST_CASE("bad data ends every daemon with its exit code") {
  TempDir dir;
  dir.Write("train.libsvm", "1 1:1\nnonsense\n");
  const Outcome outcome = RunCluster(ConfigOf(dir, "data: {train: [train.libsvm]}\n"));
  CHECK(outcome.coordinator == 65);
  CHECK(outcome.host == 65);
  CHECK(outcome.first == 65);
  CHECK(outcome.second == 65);
  CHECK(outcome.status.job().state() == v1::FAILED);
}

TEST_CASE("a coordinator does not start without its data") {
  TempDir dir;
  const absl::Status status =
      Server::Start({.config = ConfigOf(dir, "data: {train: [none.libsvm]}\n"), .name = "a"})
          .status();
  CHECK(status.code() == absl::StatusCode::kNotFound);
  CHECK(std::string(status.message()).find("none.libsvm") != std::string::npos);
}

TEST_CASE("stopping a coordinator ends the others") {
  TempDir dir;
  dir.Write("train.libsvm", "1 1:1\n");
  const v1::Config config = ConfigOf(dir, "data: {train: [train.libsvm]}\n");
  auto coordinator = *Server::Start({.config = config, .name = "a"});
  // The job waits for another server and another worker.
  auto worker = *Worker::Start({.coordinator = coordinator->address(), .name = "w1"});
  int code = -1;
  Thread w("w", [&] { code = worker->Run(); });
  coordinator->Stop("stopped by a test");
  CHECK(coordinator->Run() == 1);
  coordinator.reset();
  worker->Stop("stopped by a test");
  w.Join();
  CHECK(code == 1);
}

}  // namespace
}  // namespace paramd
