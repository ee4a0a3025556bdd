#include "worker/client/parameter_client.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "common/rpc/channel.h"
#include "paramd/v1/parameter.grpc.pb.h"
#include "tests/worker/client/parameter_cluster.h"

namespace paramd {
namespace {

TEST_CASE("what is pushed is what is pulled, over any number of servers and chunks") {
  for (const uint32_t hosts : {1u, 2u, 3u}) {
    ParameterCluster cluster({.hosts = hosts});
    for (const bool cut : {true, false}) {
      ParameterClient::Options options = cluster.ClientOptions(cut ? 1 : 2);
      if (cut) {
        options.transport.set_max_message(1 << 10);
        options.transport.set_chunk(100);
      }
      ParameterClient client(options);
      const std::vector<uint64_t> keys = Keys(1000);
      REQUIRE(client.Attach().ok());
      const std::vector<float> before = *Pull(client, 0, keys, 0);
      std::vector<float> gradient(keys.size() * 2);
      for (size_t i = 0; i < gradient.size(); ++i) gradient[i] = static_cast<float>(i);
      std::vector<float> dense(15);
      for (size_t i = 0; i < dense.size(); ++i) dense[i] = static_cast<float>(i + 1);
      const std::vector<float> dense_before = *Pull(client, 1, {}, 0);
      REQUIRE(Push(client, 0, keys, gradient, dense).ok());
      const std::vector<float> after = *Pull(client, 0, keys, 1);
      for (size_t i = 0; i < after.size(); ++i) CHECK(after[i] == before[i] - gradient[i]);
      const std::vector<float> dense_after = *Pull(client, 1, {}, std::nullopt);
      for (size_t i = 0; i < dense.size(); ++i) CHECK(dense_after[i] == dense_before[i] - dense[i]);
      REQUIRE(client.Detach().ok());
    }
  }
}

TEST_CASE("a client that comes later begins at the clock of the slowest") {
  ParameterCluster cluster({.hosts = 2, .mode = v1::Consistency::SSP});
  ParameterClient first(cluster.ClientOptions(1));
  CHECK(*first.Attach() == 0);
  const std::vector<uint64_t> key = {1};
  for (uint64_t clock = 0; clock < 5; ++clock) REQUIRE(Push(first, clock, key, {1, 1}, {}).ok());
  ParameterClient second(cluster.ClientOptions(2));
  CHECK(*second.Attach() == 5);
}

TEST_CASE("bsp averages by examples and shows a step whole") {
  ParameterCluster cluster({.hosts = 2, .mode = v1::Consistency::BSP});
  ParameterClient first(cluster.ClientOptions(1)), second(cluster.ClientOptions(2));
  REQUIRE(first.Attach().ok());
  REQUIRE(second.Attach().ok());
  REQUIRE(Push(first, 0, {1, 2}, {1, 1, 1, 1}, {}, 30).ok());
  std::vector<float> values(6);
  Ends pull;
  first.Pull(first.Plan(0, {1, 2, 3}), 1, absl::MakeSpan(values), pull.Expect());
  REQUIRE(Push(second, 0, {2, 3}, {2, 2, 2, 2}, {}, 10).ok());
  REQUIRE(pull.Wait(first).ok());
  CHECK(values == std::vector<float>{-0.75, -0.75, -1.25, -1.25, -0.5, -0.5});
}

TEST_CASE("a connection that breaks loses nothing and doubles nothing") {
  ParameterCluster cluster({.hosts = 2});
  ParameterClient client(cluster.ClientOptions(1));
  REQUIRE(client.Attach().ok());
  const std::vector<uint64_t> keys = Keys(100);
  const std::vector<float> ones(200, 1.0f);
  constexpr int kPushes = 60;
  Ends pushes;
  for (int i = 0; i < kPushes; ++i) {
    StartPush(client, static_cast<uint64_t>(i), keys, ones, {}, pushes);
    if (i % 20 == 10) cluster.host(static_cast<size_t>(i / 20) % 2).Restart();
  }
  CHECK(pushes.Wait(client).ok());
  const std::vector<float> values = *Pull(client, 0, keys, std::nullopt);
  for (const float value : values) CHECK(value == -kPushes);
}

TEST_CASE("a refusal names the server and keeps its code") {
  ParameterCluster cluster({});
  ParameterClient client(cluster.ClientOptions(1));
  REQUIRE(client.Attach().ok());
  const absl::Status status = Push(client, 0, {1}, {1, std::nanf("")}, {});
  CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  CHECK(std::string(status.message()).find(cluster.host(0).address()) != std::string::npos);
  ParameterClient::Options options = cluster.ClientOptions(9);
  ParameterClient stranger(options);
  CHECK(stranger.Attach().status().code() == absl::StatusCode::kFailedPrecondition);
}

TEST_CASE("a client that has said everything still gets its answers") {
  ParameterCluster cluster({.mode = v1::Consistency::SSP});
  ParameterClient other(cluster.ClientOptions(2));
  REQUIRE(other.Attach().ok());
  // Blocking calls of generated code.
  const auto stub = v1::ParameterService::NewStub(MakeChannel(cluster.host(0).address(), {}));
  grpc::ClientContext context;
  const auto stream = stub->Exchange(&context);
  v1::Operation operation;
  v1::Header& header = *operation.mutable_header();
  header.set_client(1);
  header.set_incarnation(101);
  header.set_epoch(1);
  header.set_kind(v1::Header::ATTACH);
  header.set_sequence(1);
  REQUIRE(stream->Write(operation));
  header.set_kind(v1::Header::PUSH);
  header.set_sequence(2);
  header.set_finishes_step(true);
  REQUIRE(stream->Write(operation));
  header.clear_finishes_step();
  // Waits for the other one to finish its first step.
  header.set_kind(v1::Header::PULL);
  header.set_sequence(3);
  header.set_clock(1);
  header.set_table(1);
  v1::Segment& segment = *header.add_segments();
  segment.set_rows(1);
  REQUIRE(stream->Write(operation));
  REQUIRE(stream->WritesDone());
  v1::Reply reply;
  for (uint64_t sequence = 1; sequence <= 2; ++sequence) {
    REQUIRE(stream->Read(&reply));
    CHECK(reply.sequence() == sequence);
  }
  CHECK(Push(other, 0, Keys(1), {0, 0}, {}).ok());
  REQUIRE(stream->Read(&reply));
  CHECK(reply.sequence() == 3);
  CHECK(reply.code() == 0);
  CHECK(reply.values().size() == 3 * sizeof(float));
  CHECK_FALSE(stream->Read(&reply));
  CHECK(stream->Finish().ok());
}

TEST_CASE("shutting down answers what is open") {
  ParameterCluster cluster({.mode = v1::Consistency::BSP});
  ParameterClient client(cluster.ClientOptions(1));
  REQUIRE(client.Attach().ok());
  std::vector<float> values(2);
  Ends pull;
  client.Pull(client.Plan(0, {1}), 7, absl::MakeSpan(values), pull.Expect());
  client.Shutdown(absl::CancelledError("the job has ended"));
  CHECK(pull.Wait(client).code() == absl::StatusCode::kCancelled);
  CHECK(Pull(client, 0, {1}, 0).status().code() == absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace paramd
