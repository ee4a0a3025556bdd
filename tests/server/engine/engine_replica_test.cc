// Primaries and backups, with messages that the test delivers.

#include <map>
#include <string>
#include <thread>
#include <vector>

#include "catch2/catch.hpp"
#include "common/base/random.h"
#include "tests/server/engine/replica_fixture.h"

namespace paramd {
namespace {

using Code = absl::StatusCode;
using Values = std::vector<float>;

v1::TableSpec Sparse(v1::Consistency::Mode mode = v1::Consistency::ASP) {
  return TestTable("sparse", v1::TableSpec::SPARSE, mode, 2);
}

const CutRows kRow = CutKeys({{7, 1.0f}}, 4);

void SetOptimizer(v1::Optimizer::Type type, v1::TableSpec* spec) {
  v1::Optimizer& optimizer = *spec->mutable_optimizer();
  optimizer.set_type(type);
  optimizer.set_learning_rate(0.1);
  optimizer.set_epsilon(1e-6);
  optimizer.set_alpha(0.1);
  optimizer.set_beta(1);
  optimizer.set_l1(0.01);
  optimizer.set_momentum(0.9);
  optimizer.set_rho(0.9);
  optimizer.set_beta1(0.9);
  optimizer.set_beta2(0.99);
}

// Random rows of a table of `dim` values, or all rows of the dense one.
CutRows RandomRows(uint64_t seed, uint32_t dim, bool sparse) {
  std::map<uint64_t, float> keys;
  for (uint64_t i = 0; i < 40; ++i) keys[CounterRandom(seed, 1, i) % 120] = 0;
  CutRows rows = sparse ? CutKeys(keys, 4) : CutDense(Values(10), 4);
  rows.values.resize((sparse ? rows.keys.size() : 10) * dim);
  for (size_t i = 0; i < rows.values.size(); ++i) {
    rows.values[i] = static_cast<float>(CounterRandom(seed, 2, i) % 2001) / 1000 - 1;
  }
  return rows;
}

// Pushes and pulls of two clients; the messages come in another order now and then.
void RunRandomly(ReplicaPair& pair, const v1::TableSpec& spec, uint64_t first, uint64_t last) {
  TestClient clients[2] = {{&*pair.primary, 1}, {&*pair.primary, 2}};
  for (TestClient& client : clients) client.Attach();
  std::vector<PendingReply> replies;
  for (uint64_t step = first; step < last; ++step) {
    for (TestClient& client : clients) {
      const CutRows rows = RandomRows(2 * step + (&client == &clients[1]), spec.dim(),
                                      spec.kind() == v1::TableSpec::SPARSE);
      client.Pull(0, step, rows, spec.consistency().mode() == v1::Consistency::BSP);
      replies.push_back(SendPush(client, 0, step, rows, true));
    }
    while (pair.link->size() > 6) {
      const size_t at = CounterRandom(step, 3, pair.link->size()) % 4;
      REQUIRE(pair.link->Deliver(at, *pair.backup) == absl::OkStatus());
    }
  }
  // Acknowledged is what the backup has, no more and no less.
  pair.link->DeliverAll(*pair.backup);
  for (const PendingReply& reply : replies) {
    REQUIRE(reply.answers() == 1);
    REQUIRE(reply.Get().status == absl::OkStatus());
  }
  for (TestClient& client : clients) client.Detach();
  pair.link->DeliverAll(*pair.backup);
}

TEST_CASE("replicas that did the same hold the same bytes") {
  v1::TableSpec spec = Sparse();
  spec.set_dim(3);
  spec.set_initial_scale(0.1);
  SECTION("any optimizer, sparse and dense") {
    for (const auto type :
         {v1::Optimizer::SGD, v1::Optimizer::ADAGRAD, v1::Optimizer::FTRL, v1::Optimizer::MOMENTUM,
          v1::Optimizer::RMSPROP, v1::Optimizer::ADADELTA, v1::Optimizer::ADAM}) {
      for (const bool sparse : {true, false}) {
        if (!sparse) {
          spec.set_kind(v1::TableSpec::DENSE);
          spec.set_rows(10);
        }
        SetOptimizer(type, &spec);
        ReplicaPair pair({spec});
        RunRandomly(pair, spec, 0, 20);
        CHECK(ReplicaPair::Describe(*pair.primary) == ReplicaPair::Describe(*pair.backup));
        spec.set_kind(v1::TableSpec::SPARSE);
        spec.set_rows(0);
      }
    }
  }
  SECTION("rows that come and go") {
    v1::Rows& rows = *spec.mutable_rows_kept();
    rows.set_min_count(2);
    rows.set_sketch(4096);
    rows.set_max_rows(48);
    rows.set_ttl(7);
    rows.set_decay(0.9);
    rows.set_decay_every(3);
    ReplicaPair pair({spec});
    RunRandomly(pair, spec, 0, 60);
    CHECK(ReplicaPair::Describe(*pair.primary) == ReplicaPair::Describe(*pair.backup));
    CHECK(pair.primary->Report().tables(0).rows() <= 48);
  }
  SECTION("what clients have pulled") {
    SetOptimizer(v1::Optimizer::SGD, &spec);
    spec.mutable_optimizer()->mutable_delay()->set_type(v1::DelayCompensation::DC_ASGD_C);
    spec.mutable_optimizer()->mutable_delay()->set_lambda(0.5);
    ReplicaPair pair({spec});
    RunRandomly(pair, spec, 0, 30);
    CHECK(ReplicaPair::Describe(*pair.primary) == ReplicaPair::Describe(*pair.backup));
  }
  SECTION("synchronous steps") {
    spec.mutable_consistency()->set_mode(v1::Consistency::BSP);
    for (const auto kind : {v1::TableSpec::SPARSE, v1::TableSpec::DENSE}) {
      spec.set_kind(kind);
      spec.set_rows(kind == v1::TableSpec::DENSE ? 10 : 0);
      ReplicaPair pair({spec});
      RunRandomly(pair, spec, 0, 30);
      CHECK(ReplicaPair::Describe(*pair.primary) == ReplicaPair::Describe(*pair.backup));
    }
  }
}

TEST_CASE("a push is acknowledged when the backup has it") {
  ReplicaPair pair({Sparse()});
  TestClient client(&*pair.primary, 1);
  client.Attach();
  const PendingReply push = SendPush(client, 0, 0, kRow);
  CHECK(push.answers() == 0);
  CHECK(pair.primary->Counters().pushes == 1);
  REQUIRE(pair.link->size() == 1);
  REQUIRE(pair.link->Deliver(0, *pair.backup) == absl::OkStatus());
  CHECK(push.answers() == 1);
  CHECK(push.Get().status.ok());
}

TEST_CASE("acknowledge: primary does not wait, but for its lease") {
  ReplicaPair pair({Sparse()}, {1}, true, false);
  TestClient client(&*pair.primary, 1);
  client.Attach();
  CHECK(SendPush(client, 0, 0, kRow).Get().status.ok());
  pair.lease = false;
  CHECK(SendPush(client, 0, 0, kRow).Get().status.code() == Code::kUnavailable);
}

TEST_CASE("a push that comes again is acknowledged no earlier than the first") {
  for (const auto mode : {v1::Consistency::ASP, v1::Consistency::BSP}) {
    ReplicaPair pair({Sparse(mode)}, {1});
    TestClient client(&*pair.primary, 1);
    client.Attach();
    Operation push = client.New(OperationKind::kPush, 0);
    push.segments = kRow.segments;
    push.keys = kRow.keys;
    push.examples = 1;
    const RawValues values(kRow.values);
    push.values = values.reader();
    const PendingReply first = client.Send(push);
    push.values = values.reader();
    const PendingReply again = client.Send(push);
    client.Finish(0);
    CHECK(first.answers() == 0);
    CHECK(again.answers() == 0);
    push.values = values.reader();
    const PendingReply late = client.Send(push);
    CHECK(late.answers() == 0);
    pair.link->DeliverAll(*pair.backup);
    CHECK(first.Get().status.ok());
    CHECK(again.Get().status.ok());
    CHECK(late.Get().status.ok());
    CHECK(client.Pull(0, 1, kRow).Floats() == Values{-1});
  }
}

TEST_CASE("the backup takes over, and takes what was not acknowledged again") {
  ReplicaPair pair({Sparse()}, {1, 2});
  TestClient client(&*pair.primary, 1);
  client.Attach();
  const CutRows eight = CutKeys({{7, 8.0f}}, 4);
  const PendingReply acknowledged = SendPush(client, 0, 0, kRow);
  const PendingReply lost = SendPush(client, 0, 1, kRow);
  const PendingReply ahead = SendPush(client, 0, 2, eight);
  REQUIRE(pair.link->Deliver(0, *pair.backup) == absl::OkStatus());
  // The backup has the third, which waits for its turn: that is acknowledged too.
  REQUIRE(pair.link->Deliver(1, *pair.backup) == absl::OkStatus());
  CHECK(acknowledged.answers() == 1);
  CHECK(lost.answers() == 0);
  CHECK(ahead.answers() == 1);
  REQUIRE(pair.backup->ApplyView(pair.FailedOver()).ok());
  TestClient there(&*pair.backup, 1);
  there.Attach();
  CHECK(there.Pull(0, 0, kRow).Floats() == Values{-9});
  // What the old primary says comes too late.
  CHECK(pair.link->Deliver(0, *pair.backup).code() == Code::kFailedPrecondition);
  CHECK(lost.Get().status.code() == Code::kUnavailable);
  CHECK(there.Pull(0, 0, kRow).Floats() == Values{-9});
}

TEST_CASE("a push that the backup refused is not acknowledged when it comes again") {
  ReplicaPair pair({Sparse()}, {1});
  TestClient client(&*pair.primary, 1);
  client.Attach();
  REQUIRE(pair.backup->ApplyView(pair.FailedOver()).ok());
  Operation push = client.New(OperationKind::kPush, 0);
  push.segments = kRow.segments;
  push.keys = kRow.keys;
  const RawValues values(kRow.values);
  push.values = values.reader();
  const PendingReply first = client.Send(push);
  CHECK(pair.link->Deliver(0, *pair.backup).code() == Code::kFailedPrecondition);
  CHECK(first.Get().status.code() == Code::kUnavailable);
  push.values = values.reader();
  CHECK(client.Send(push).Get().status.code() == Code::kUnavailable);
}

TEST_CASE("who came to a new server says that all was sent again, and pulls wait for that") {
  for (const auto mode : {v1::Consistency::SSP, v1::Consistency::BSP}) {
    ReplicaPair pair({Sparse(mode)}, {1, 2});
    // They are clients of both servers.
    TestClient clients[2] = {{&*pair.backup, 1}, {&*pair.backup, 2}};
    for (TestClient& client : clients) client.Attach();
    REQUIRE(pair.backup->ApplyView(pair.FailedOver()).ok());
    const PendingReply pull = clients[0].Pull(0, 0, kRow);
    const auto say = [](TestClient& client) {
      Operation again = client.New(OperationKind::kAdvance, 0);
      again.epoch = 2;
      return client.Send(again);
    };
    CHECK(say(clients[0]).Get().status.ok());
    CHECK(pull.answers() == 1);  // step 0 waits for nobody
    const PendingReply next = clients[0].Pull(0, 3, kRow);
    CHECK(next.answers() == 0);
    clients[0].Finish(0);
    clients[1].Finish(0);
    clients[0].Finish(1);
    clients[1].Finish(1);
    clients[0].Finish(2);
    clients[1].Finish(2);
    CHECK(next.answers() == 0);
    CHECK(say(clients[1]).Get().status.ok());
    CHECK(next.Get().status.ok());
  }
}

TEST_CASE("a step that was closed here and not there is closed on the shards that come") {
  // Of two shards server 2 has one, and is the backup of the other.
  ReplicaPair pair({Sparse(v1::Consistency::BSP)}, {1, 2});
  v1::ClusterView view = pair.view;
  view.set_version(2);
  view.mutable_shard_map()->set_epoch(2);
  const uint32_t there = kRow.segments[0].shard;
  for (int i = 0; i < 4; ++i) {
    if (i == static_cast<int>(there)) continue;
    view.mutable_shard_map()->mutable_tables(0)->set_shard_servers(i, 2);
    view.mutable_shard_map()->mutable_tables(0)->mutable_backups(i)->clear_backups();
  }
  REQUIRE(pair.primary->ApplyView(view).ok());
  REQUIRE(pair.backup->ApplyView(view).ok());
  TestClient clients[2] = {{&*pair.backup, 1}, {&*pair.backup, 2}};
  for (TestClient& client : clients) {
    Operation attach = client.New(OperationKind::kAttach);
    attach.epoch = 2;
    REQUIRE(client.Send(attach).Get().status.ok());
  }
  // Both finish the step at server 2 with 1 and 3 examples, one perhaps after the other one has
  // sent again what server 1 had not answered.
  const bool late = GENERATE(false, true);
  clients[0].Finish(0, 1);
  if (!late) clients[1].Finish(0, 3);
  v1::ClusterView next = pair.FailedOver();
  next.set_version(3);
  next.mutable_shard_map()->set_epoch(3);
  REQUIRE(pair.backup->ApplyView(next).ok());
  std::vector<PendingReply> pushes;
  for (TestClient& client : clients) {
    Operation push = client.New(OperationKind::kPush, 0);
    push.epoch = 3;
    push.finishes_step = true;
    push.examples = &client == &clients[0] ? 1 : 3;
    const CutRows rows = CutKeys({{7, &client == &clients[0] ? 4.0f : 8.0f}}, 4);
    push.segments = rows.segments;
    push.keys = rows.keys;
    const RawValues values(rows.values);
    push.values = values.reader();
    pushes.push_back(client.Send(push));
    Operation again = client.New(OperationKind::kAdvance, 1);
    again.epoch = 3;
    REQUIRE(client.Send(again).Get().status.ok());
  }
  for (const PendingReply& push : pushes) CHECK(push.Get().status.ok());
  CHECK(clients[0].Pull(0, 1, kRow).Floats() == Values{-(4.0f * 1 + 8.0f * 3) / 4});
}

TEST_CASE("a new backup is filled while pushes go on, and then waited for") {
  v1::TableSpec spec = Sparse();
  spec.set_dim(2);
  SetOptimizer(v1::Optimizer::ADAGRAD, &spec);
  v1::Rows& rows = *spec.mutable_rows_kept();
  rows.set_min_count(2);
  rows.set_sketch(4096);
  rows.set_max_rows(60);
  ReplicaPair pair({spec}, {1}, false);
  TestClient client(&*pair.primary, 1);
  client.Attach();
  // The copies are on their way: nobody waits for the backup.
  size_t filled = 0;
  for (uint64_t step = 0; filled < 4; ++step) {
    const PendingReply push = SendPush(client, 0, step, RandomRows(step, 2, true));
    CHECK((push.answers() == 1 || pair.link->size() > 0));
    if (step % 3 == 0) {
      pair.link->WaitForMessage();
      pair.link->DeliverAll(*pair.backup);
    }
    MutexLock lock(pair.mutex);
    filled = pair.filled_shards.size();
  }
  pair.link->DeliverAll(*pair.backup);
  const PendingReply push = SendPush(client, 0, 1000, RandomRows(1000, 2, true));
  CHECK(push.answers() == 0);
  pair.link->DeliverAll(*pair.backup);
  CHECK(push.Get().status.ok());
  CHECK(ReplicaPair::Describe(*pair.primary) == ReplicaPair::Describe(*pair.backup));
}

TEST_CASE("a backup that was dropped and comes back is filled anew") {
  ReplicaPair pair({Sparse()}, {1});
  TestClient client(&*pair.primary, 1);
  client.Attach();
  // It has something that its primary will not have: the one before sent it and died.
  const PendingReply push = SendPush(client, 0, 0, kRow);
  REQUIRE(pair.link->Deliver(0, *pair.backup) == absl::OkStatus());
  CHECK(push.Get().status.ok());
  ReplicaPair other({Sparse()}, {1});
  TestClient to_other(&*other.primary, 1);
  to_other.Attach();
  for (uint64_t step = 0; step < 3; ++step) {
    SendPush(to_other, 0, step, CutKeys({{7, 5.0f}}, 4));
    REQUIRE(other.link->Deliver(0, *pair.backup) == absl::OkStatus());
  }
  CHECK(ReplicaPair::Describe(*pair.primary) != ReplicaPair::Describe(*pair.backup));
  v1::ClusterView view = pair.view;
  view.set_version(2);
  view.mutable_shard_map()->set_epoch(2);
  for (v1::ShardBackups& shard : *view.mutable_shard_map()->mutable_tables(0)->mutable_backups()) {
    shard.mutable_backups(0)->set_since(2);
    shard.mutable_backups(0)->set_filled(false);
  }
  REQUIRE(pair.backup->ApplyView(view).ok());
  REQUIRE(pair.primary->ApplyView(view).ok());
  for (size_t filled = 0; filled < 4;) {
    std::this_thread::yield();
    pair.link->DeliverAll(*pair.backup);
    MutexLock lock(pair.mutex);
    filled = pair.filled_shards.size();
    for (const v1::ShardReplica& one : pair.filled_shards) CHECK(one.since() == 2);
  }
  CHECK(ReplicaPair::Describe(*pair.primary) == ReplicaPair::Describe(*pair.backup));
}

TEST_CASE("a backup that goes while it is filled is not said to be filled") {
  ReplicaPair pair({Sparse()}, {1}, false);
  pair.link->WaitForMessage();
  v1::ClusterView view = pair.view;
  view.set_version(2);
  view.mutable_shard_map()->mutable_servers()->RemoveLast();
  REQUIRE(pair.primary->ApplyView(view).ok());
  // It has gone through all of them.
  pair.primary->StopReplicating();
  MutexLock lock(pair.mutex);
  CHECK(pair.filled_shards.empty());
}

TEST_CASE("a backup that is gone is waited for no longer") {
  ReplicaPair pair({Sparse()}, {1});
  TestClient client(&*pair.primary, 1);
  client.Attach();
  const PendingReply push = SendPush(client, 0, 0, kRow);
  CHECK(push.answers() == 0);
  v1::ClusterView view = pair.view;
  view.set_version(2);
  view.mutable_shard_map()->set_epoch(2);
  view.mutable_shard_map()->mutable_servers()->RemoveLast();
  for (v1::ShardBackups& shard : *view.mutable_shard_map()->mutable_tables(0)->mutable_backups()) {
    shard.clear_backups();
  }
  REQUIRE(pair.primary->ApplyView(view).ok());
  CHECK(push.Get().status.ok());
  CHECK(SendPush(client, 0, 1, kRow).Get().status.ok());
}

TEST_CASE("a backup that does not keep up") {
  ReplicaPair pair({Sparse()}, {1});
  TestClient client(&*pair.primary, 1);
  client.Attach();
  pair.link->queued_bytes_ = uint64_t{1} << 40;
  const uint64_t before = pair.primary->Digest();
  CHECK(SendPush(client, 0, 0, kRow).Get().status.code() == Code::kResourceExhausted);
  CHECK(pair.primary->Digest() == before);
  pair.link->queued_bytes_ = 0;
  const PendingReply push = SendPush(client, 0, 0, kRow);
  pair.link->DeliverAll(*pair.backup);
  CHECK(push.Get().status.ok());
}

}  // namespace
}  // namespace paramd
