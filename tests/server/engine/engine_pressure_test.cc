// Engines whose memory is short, or whose backups have none or fall behind.

#include <atomic>
#include <map>
#include <thread>

#include "absl/strings/match.h"
#include "catch2/catch.hpp"
#include "tests/server/engine/replica_fixture.h"
#include "tests/testing/manual_clock.h"

namespace paramd {
namespace {

using Code = absl::StatusCode;

v1::TableSpec Sparse(v1::Consistency::Mode mode = v1::Consistency::ASP) {
  return TestTable("sparse", v1::TableSpec::SPARSE, mode, 2);
}

// Keys first, first + 1, ..., with gradient 1. A table that has grown has room for about as many
// again.
CutRows Keys(uint64_t first, uint64_t count = 1000) {
  std::map<uint64_t, float> keys;
  for (uint64_t key = first; key < first + count; ++key) keys[key] = 1;
  return CutKeys(keys, 4);
}

bool HasProblem(const Engine& engine, const std::string& part) {
  const v1::ServerReport report = engine.Report();
  return std::any_of(report.problems().begin(), report.problems().end(),
                     [&](const std::string& problem) { return absl::StrContains(problem, part); });
}

// An engine with a memory of 1000 bytes, of which the test says how many are in use.
struct Pressed {
  explicit Pressed(const v1::TableSpec& table) {
    EngineOptions options;
    options.memory = {
        .budget = [] { return 1000; }, .used = [this] { return used.load(); }, .clock = &clock};
    engine.emplace(options);
    engine->SetServerId(1);
    REQUIRE(engine->ApplyView(TestView(1, {table}, {1, 2})).ok());
    client.emplace(&*engine, 1);
    client->Attach();
  }

  // Returns when the engine knows.
  void Use(uint64_t bytes) {
    used = bytes;
    while (engine->Report().memory() != bytes) std::this_thread::yield();
  }

  std::atomic<uint64_t> used{100};
  ManualClock clock;
  std::optional<Engine> engine;
  std::optional<TestClient> client;
};

TEST_CASE("at 95 percent pushes that add rows are refused, and rows that are there are updated") {
  const auto mode = GENERATE(v1::Consistency::ASP, v1::Consistency::BSP);
  Pressed pressed(Sparse(mode));
  REQUIRE(pressed.client->Push(0, 0, Keys(0)).status.ok());
  CHECK(pressed.engine->Report().problems().empty());
  pressed.Use(960);
  CHECK(pressed.client->Push(0, 1, Keys(0)).status.ok());
  const uint64_t before = pressed.engine->Digest();
  const Reply refused = pressed.client->Push(0, 2, Keys(500, 50000));
  CHECK(refused.status.code() == Code::kResourceExhausted);
  CHECK(absl::StrContains(refused.status.message(), "server 1"));
  CHECK(absl::StrContains(refused.status.message(), "cluster.server.memory"));
  CHECK(pressed.engine->Digest() == before);
  CHECK(HasProblem(*pressed.engine, "RESOURCE_EXHAUSTED"));
  CHECK(pressed.client->Push(0, 2, Keys(0)).status.ok());
  pressed.Use(600);
  CHECK(pressed.client->Push(0, 3, Keys(500, 50000)).status.ok());
  CHECK(pressed.engine->Report().problems().empty());
}

TEST_CASE("from 85 percent on the answers to pushes that add rows come later") {
  Pressed pressed(Sparse());
  REQUIRE(pressed.client->Push(0, 0, Keys(0)).status.ok());
  pressed.Use(900);
  CHECK(HasProblem(*pressed.engine, "memory is short"));
  CHECK(SendPush(*pressed.client, 0, 1, Keys(0)).answers() == 1);
  const PendingReply slow = SendPush(*pressed.client, 0, 2, Keys(5000, 50000));
  CHECK(slow.answers() == 0);
  // It was taken already.
  CHECK(pressed.engine->Report().tables(0).rows() == 51000);
  // What is refused is said at once.
  CHECK(SendPush(*pressed.client, 7, 2, Keys(9000)).Get().status.code() == Code::kNotFound);
  pressed.clock.Advance(absl::Seconds(1));
  CHECK(slow.Get().status.ok());
  // Nobody is left without an answer.
  const PendingReply last = SendPush(*pressed.client, 0, 3, Keys(100000, 500000));
  CHECK(last.answers() == 0);
  pressed.engine.reset();
  CHECK(last.answers() == 1);
}

TEST_CASE("rows that take the place of others are added however full the memory is") {
  v1::TableSpec table = Sparse();
  table.mutable_rows_kept()->set_max_rows(400);
  Pressed pressed(table);
  for (uint64_t first : {0, 1000, 2000}) {
    REQUIRE(pressed.client->Push(0, 0, Keys(first)).status.ok());
  }
  pressed.Use(960);
  CHECK(pressed.client->Push(0, 1, Keys(5000)).status.ok());
}

TEST_CASE("at 95 percent nothing more is kept of what clients pull") {
  v1::TableSpec table = Sparse();
  table.mutable_optimizer()->mutable_delay()->set_type(v1::DelayCompensation::DC_ASGD_C);
  table.mutable_optimizer()->mutable_delay()->set_lambda(0.1);
  Pressed pressed(table);
  REQUIRE(pressed.client->Pull(0, 0, Keys(0)).Get().status.ok());
  pressed.Use(960);
  CHECK(pressed.client->Pull(0, 0, Keys(0)).Get().status.ok());
  CHECK(pressed.client->Pull(0, 0, Keys(1)).Get().status.code() == Code::kResourceExhausted);
  CHECK(pressed.client->Pull(0, 0, Keys(1), true).Get().status.ok());
}

TEST_CASE("a backup without memory gets no more rows, and is asked whether it has some again") {
  ReplicaPair pair({Sparse()}, {1});
  TestClient client(&*pair.primary, 1);
  client.Attach();
  const PendingReply first = SendPush(client, 0, 0, Keys(0));
  pair.link->DeliverAll(*pair.backup);
  REQUIRE(first.Get().status.ok());
  pair.link->full_ = true;
  CHECK(HasProblem(*pair.primary, "server 2 has no memory"));
  const Reply refused = SendPush(client, 0, 1, Keys(500, 50000)).Get();
  CHECK(refused.status.code() == Code::kResourceExhausted);
  CHECK(absl::StrContains(refused.status.message(), "server 2"));
  REQUIRE(pair.link->size() == 1);
  pair.link->DeliverAll(*pair.backup);
  const PendingReply update = SendPush(client, 0, 1, Keys(0));
  pair.link->DeliverAll(*pair.backup);
  CHECK(update.Get().status.ok());
  pair.link->full_ = false;
  const PendingReply more = SendPush(client, 0, 2, Keys(500, 50000));
  pair.link->DeliverAll(*pair.backup);
  CHECK(more.Get().status.ok());
  CHECK(ReplicaPair::Describe(*pair.primary).size() == ReplicaPair::Describe(*pair.backup).size());
  CHECK(pair.primary->Report().problems().empty());
}

TEST_CASE("status says how far a backup is behind, until it has caught up") {
  ReplicaPair pair({Sparse()}, {1});
  TestClient client(&*pair.primary, 1);
  client.Attach();
  pair.link->queued_bytes_ = uint64_t{100} << 20;
  CHECK(HasProblem(*pair.primary, "server 2 is 100 MiB behind"));
  CHECK_FALSE(HasProblem(*pair.primary, "refused"));
  const PendingReply push = SendPush(client, 0, 0, Keys(0));
  pair.link->queued_bytes_ = uint64_t{300} << 20;
  CHECK(HasProblem(*pair.primary, "server 2 is 300 MiB behind; pushes are refused"));
  const Reply refused = SendPush(client, 0, 1, Keys(0)).Get();
  CHECK(refused.status.code() == Code::kResourceExhausted);
  CHECK(absl::StrContains(refused.status.message(), "server 2"));
  pair.link->DeliverAll(*pair.backup);
  pair.link->queued_bytes_ = 0;
  CHECK(push.Get().status.ok());
  CHECK(pair.primary->Report().problems().empty());
}

}  // namespace
}  // namespace paramd
