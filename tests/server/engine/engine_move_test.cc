// Shards that go to their backup, with messages that the test delivers.

#include <string>
#include <vector>

#include "catch2/catch.hpp"
#include "tests/server/engine/replica_fixture.h"

namespace paramd {
namespace {

using Code = absl::StatusCode;
using Values = std::vector<float>;

const CutRows kRow = CutKeys({{7, 1.0f}}, 4);
const uint32_t kShard = kRow.segments[0].shard;
// A key of another shard.
const CutRows kOther = [] {
  for (uint64_t key = 0;; ++key) {
    CutRows rows = CutKeys({{key, 1.0f}}, 4);
    if (rows.segments[0].shard != kShard) return rows;
  }
}();

v1::TableSpec Sparse(v1::Consistency::Mode mode) {
  return TestTable("sparse", v1::TableSpec::SPARSE, mode, 2);
}

// The view in which the row's shard is to go to server 2.
v1::ClusterView Leaving(const ReplicaPair& pair) {
  v1::ClusterView view = pair.view;
  view.set_version(2);
  v1::ShardReplica& move = *view.mutable_shard_map()->mutable_tables(0)->add_moves();
  move.set_shard(kShard);
  move.set_server(2);
  return view;
}

// The one in which it has: server 1 is the backup then.
v1::ClusterView Arrived(const ReplicaPair& pair) {
  v1::ClusterView view = pair.view;
  view.set_version(3);
  view.mutable_shard_map()->set_epoch(2);
  v1::TablePlacement& table = *view.mutable_shard_map()->mutable_tables(0);
  table.set_shard_servers(static_cast<int>(kShard), 2);
  table.mutable_backups(static_cast<int>(kShard))->mutable_backups(0)->set_server(1);
  return view;
}

Reply SayAllSentAgain(TestClient& client, uint64_t clock, uint64_t epoch) {
  Operation again = client.New(OperationKind::kAdvance, clock);
  again.epoch = epoch;
  return client.Send(again).Get();
}

TEST_CASE("a shard is released when its backup has everything") {
  ReplicaPair pair({Sparse(v1::Consistency::ASP)}, {1});
  TestClient client(&*pair.primary, 1), there(&*pair.backup, 1);
  client.Attach();
  there.Attach();
  const PendingReply before = SendPush(client, 0, 0, kRow);
  REQUIRE(pair.primary->ApplyView(Leaving(pair)).ok());
  CHECK(pair.released_shards().empty());
  CHECK(SendPush(client, 0, 1, kRow).Get().status.code() == Code::kUnavailable);
  CHECK(client.Pull(0, 1, kRow).Get().status.code() == Code::kUnavailable);
  CHECK(pair.primary->ReadShard(0, kShard, 1).status().code() == Code::kUnavailable);
  // Others go on.
  const PendingReply other = SendPush(client, 0, 1, kOther);
  pair.link->DeliverAll(*pair.backup);
  CHECK(before.Get().status.ok());
  CHECK(other.Get().status.ok());
  REQUIRE(pair.released_shards().size() == 1);
  CHECK(pair.released_shards()[0].shard() == kShard);
  CHECK(pair.released_shards()[0].server() == 2);
  CHECK(ReplicaPair::Describe(*pair.primary) == ReplicaPair::Describe(*pair.backup));
  HeldLink* const to_backup = pair.link;
  REQUIRE(pair.backup->ApplyView(Arrived(pair)).ok());
  REQUIRE(pair.primary->ApplyView(Arrived(pair)).ok());
  HeldLink* const to_primary = pair.link;
  REQUIRE(to_primary != to_backup);
  // What comes now, behind what the client has sent so far, goes the other way.
  for (int i = 0; i < 10; ++i) there.New(OperationKind::kPush);
  const PendingReply after = SendPush(there, 0, 2, kRow);
  CHECK(after.answers() == 0);
  while (to_primary->size() > 0) REQUIRE(to_primary->Deliver(0, *pair.primary, 2).ok());
  CHECK(after.Get().status.ok());
  CHECK(there.Pull(0, 2, kRow).Floats() == Values{-2});
  CHECK(ReplicaPair::Describe(*pair.primary) == ReplicaPair::Describe(*pair.backup));
}

TEST_CASE("a shard that was to go and stays is served again") {
  for (const auto mode : {v1::Consistency::ASP, v1::Consistency::BSP}) {
    ReplicaPair pair({Sparse(mode)}, {1});
    TestClient client(&*pair.primary, 1);
    client.Attach();
    REQUIRE(pair.primary->ApplyView(Leaving(pair)).ok());
    CHECK(SendPush(client, 0, 0, kRow).Get().status.code() == Code::kUnavailable);
    v1::ClusterView stays = pair.view;
    stays.set_version(3);
    stays.mutable_shard_map()->set_epoch(2);
    REQUIRE(pair.backup->ApplyView(stays).ok());
    REQUIRE(pair.primary->ApplyView(stays).ok());
    const PendingReply push = SendPush(client, 0, 0, kRow, true);
    CHECK(SayAllSentAgain(client, 1, 2).status.ok());
    pair.link->DeliverAll(*pair.backup);
    CHECK(push.Get().status.ok());
    CHECK(client.Pull(0, 1, kRow).Floats() == Values{-1});
    CHECK(ReplicaPair::Describe(*pair.primary) == ReplicaPair::Describe(*pair.backup));
  }
}

TEST_CASE("what a shard had of an open step is refused and comes again where it went") {
  ReplicaPair pair({Sparse(v1::Consistency::BSP)}, {1, 2});
  TestClient here[2] = {{&*pair.primary, 1}, {&*pair.primary, 2}};
  TestClient there[2] = {{&*pair.backup, 1}, {&*pair.backup, 2}};
  for (TestClient& client : here) client.Attach();
  for (TestClient& client : there) client.Attach();
  // Both have pushed at the primary and only one has finished the step: it is open.
  const CutRows eight = CutKeys({{7, 8.0f}}, 4);
  const PendingReply first = SendPush(here[0], 0, 0, kRow, true);
  const PendingReply second = SendPush(here[1], 0, 0, eight);
  REQUIRE(pair.primary->ApplyView(Leaving(pair)).ok());
  CHECK(first.Get().status.code() == Code::kUnavailable);
  CHECK(second.Get().status.code() == Code::kUnavailable);
  CHECK(pair.released_shards().size() == 1);
  REQUIRE(pair.backup->ApplyView(Arrived(pair)).ok());
  REQUIRE(pair.primary->ApplyView(Arrived(pair)).ok());
  const PendingReply pushes[2] = {SendPush(there[0], 0, 0, kRow, true),
                                  SendPush(there[1], 0, 0, eight, true)};
  for (TestClient& client : there) CHECK(SayAllSentAgain(client, 1, 2).status.ok());
  while (pair.link->size() > 0) REQUIRE(pair.link->Deliver(0, *pair.primary, 2).ok());
  for (const PendingReply& push : pushes) CHECK(push.Get().status.ok());
  CHECK(there[0].Pull(0, 1, kRow).Floats() == Values{-4.5});
}

TEST_CASE("a backup is filled only when the steps are closed that were open then") {
  ReplicaPair pair({Sparse(v1::Consistency::BSP)}, {1, 2}, false);
  TestClient clients[2] = {{&*pair.primary, 1}, {&*pair.primary, 2}};
  for (TestClient& client : clients) client.Attach();
  // Nobody else has it, and it was acknowledged.
  CHECK(SendPush(clients[0], 0, 0, kRow, true).Get().status.ok());
  const auto deliver_all = [&] { pair.link->DeliverAll(*pair.backup); };
  // The copies of four shards, each of which the filler waits for.
  for (int i = 0; i < 4; ++i) {
    pair.link->WaitForMessage();
    REQUIRE(pair.link->Deliver(0, *pair.backup).ok());
  }
  {
    MutexLock lock(pair.mutex);
    CHECK(pair.filled_shards.empty());
  }
  const PendingReply push = SendPush(clients[1], 0, 0, kRow, true);
  deliver_all();
  CHECK(push.Get().status.ok());
  // Whenever the copies arrived: a step later, at most.
  size_t filled = 0;
  for (uint64_t step = 1; filled < 4; ++step) {
    for (TestClient& client : clients) client.Finish(step);
    deliver_all();
    MutexLock lock(pair.mutex);
    filled = pair.filled_shards.size();
  }
}

TEST_CASE("a server that is new to a running job waits for all who train") {
  EngineOptions options;
  Engine engine(options);
  engine.SetServerId(1);
  v1::ClusterView view = TestView(7, {Sparse(v1::Consistency::BSP)}, {1, 2});
  for (v1::WorkerMember& worker : *view.mutable_workers()) worker.set_training(true);
  REQUIRE(engine.ApplyView(view).ok());
  TestClient ahead(&engine, 1), behind(&engine, 2);
  const auto enter = [](TestClient& client, uint64_t at) {
    return client.Send(client.New(OperationKind::kAttach, at + 1)).Get().clock;
  };
  CHECK(enter(ahead, 5) == 5);
  CHECK(ahead.Push(0, 5, kRow).status.ok());
  ahead.Advance(6);
  const PendingReply pull = ahead.Pull(0, 6, kRow);
  CHECK(pull.answers() == 0);
  // The other one has not taken that step: it is where it is, and what it pushes counts.
  CHECK(enter(behind, 5) == 5);
  behind.Advance(5);
  CHECK(pull.answers() == 0);
  CHECK(behind.Push(0, 5, CutKeys({{7, 3.0f}}, 4)).status.ok());
  CHECK(pull.Floats() == Values{-2});
  SECTION("or are known to have ended") {
    Engine other(options);
    other.SetServerId(1);
    REQUIRE(other.ApplyView(view).ok());
    TestClient alone(&other, 1);
    CHECK(enter(alone, 5) == 5);
    CHECK(alone.Push(0, 5, kRow).status.ok());
    alone.Advance(6);
    const PendingReply waits = alone.Pull(0, 6, kRow);
    CHECK(waits.answers() == 0);
    view.set_version(8);
    view.mutable_workers(1)->set_training(false);
    REQUIRE(other.ApplyView(view).ok());
    CHECK(waits.Floats() == Values{-1});
  }
}

}  // namespace
}  // namespace paramd
