#include "server/engine/engine.h"

#include <catch2/catch.hpp>
#include <map>

#include "common/base/random.h"
#include "tests/server/engine/engine_fixture.h"

namespace paramd {
namespace {

using Values = std::vector<float>;
using Code = absl::StatusCode;

std::unique_ptr<Engine> NewEngine(const std::vector<v1::TableSpec>& tables,
                                  const std::vector<uint32_t>& workers,
                                  const EngineOptions& options = {}) {
  auto engine = std::make_unique<Engine>(options);
  engine->SetServerId(1);
  REQUIRE(engine->ApplyView(TestView(1, tables, workers)).ok());
  return engine;
}

v1::TableSpec Sparse(v1::Consistency::Mode mode, uint32_t staleness = 0) {
  return TestTable("sparse", v1::TableSpec::SPARSE, mode, staleness);
}

const CutRows kRow = CutKeys({{7, 1}}, 4);

TEST_CASE("a push is seen by the next pull") {
  const auto engine = NewEngine({Sparse(v1::Consistency::ASP),
                                 TestTable("dense", v1::TableSpec::DENSE, v1::Consistency::ASP)},
                                {1});
  TestClient client(engine.get(), 1);
  CHECK(client.Attach().clock == 0);
  const CutRows sparse = CutKeys({{1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 5}}, 4);
  const CutRows dense = CutDense({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 4);
  CHECK(client.Push(0, 0, sparse, 1, false).status.ok());
  const Reply pushed = client.Push(1, 0, dense);
  CHECK(pushed.status.ok());
  CHECK(pushed.epoch == 1);
  CHECK(pushed.clock == 1);
  Values expected;
  for (const float value : sparse.values) expected.push_back(-value);
  CHECK(client.Pull(0, 1, sparse).Floats() == expected);
  CHECK(client.Pull(1, 1, dense).Floats() == Values{-1, -2, -3, -4, -5, -6, -7, -8, -9, -10});
  const EngineCounters counters = engine->Counters();
  CHECK(counters.pushes == 2);
  CHECK(counters.pulls == 2);
  CHECK(counters.refused == 0);
}

TEST_CASE("a push is as late as the fastest client is ahead of it") {
  v1::TableSpec spec = Sparse(v1::Consistency::ASP);
  spec.mutable_optimizer()->mutable_delay()->set_type(v1::DelayCompensation::SCALED_RATE);
  const auto engine = NewEngine({spec}, {1, 2});
  TestClient fast(engine.get(), 1), slow(engine.get(), 2);
  fast.Attach();
  slow.Attach();
  const CutRows row = CutKeys({{7, 8}}, 4);
  const auto change_by = [&](TestClient& client, uint64_t clock) {
    const float before = client.Pull(0, clock, row).Floats()[0];
    CHECK(client.Push(0, clock, row).status.ok());
    return before - client.Pull(0, clock, row).Floats()[0];
  };
  CHECK(change_by(fast, 0) == 8);
  CHECK(change_by(slow, 0) == 8);  // one step late
  CHECK(change_by(fast, 1) == 8);
  CHECK(change_by(fast, 2) == 8);
  CHECK(change_by(fast, 3) == 8);
  CHECK(change_by(slow, 1) == Approx(8.0f / 3));
  fast.Advance(10);
  CHECK(change_by(slow, 2) == 1);
  fast.Detach();
  CHECK(change_by(slow, 3) == 8);
}

TEST_CASE("a push is compared with what its client has pulled, until it leaves") {
  v1::TableSpec spec = Sparse(v1::Consistency::ASP);
  spec.mutable_optimizer()->mutable_delay()->set_type(v1::DelayCompensation::DC_ASGD_C);
  spec.mutable_optimizer()->mutable_delay()->set_lambda(1);
  const auto engine = NewEngine({spec}, {1, 2});
  TestClient one(engine.get(), 1), two(engine.get(), 2);
  one.Attach();
  two.Attach();
  const CutRows row = CutKeys({{7, 0.5f}}, 4);
  const auto value = [&] { return two.Pull(0, 0, row, true).Floats()[0]; };
  CHECK(one.Pull(0, 0, row).Floats() == Values{0});
  two.Push(0, 0, row);
  CHECK(value() == -0.5f);  // a pull without a clock is not for a step
  CHECK(one.Pull(0, 0, row, true).Floats() == Values{-0.5f});
  one.Push(0, 0, row);  // 0.5 + 0.25 (-0.5 - 0)
  CHECK(value() == -0.875f);
  SECTION("leaving") {
    one.Detach();
    one.Attach();
    one.Push(0, 1, row);
    CHECK(value() == -1.375f);
  }
  SECTION("lost, and back with the same number") {
    REQUIRE(engine->ApplyView(TestView(2, {spec}, {2})).ok());
    REQUIRE(engine->ApplyView(TestView(3, {spec}, {1, 2})).ok());
    one.Attach();
    one.Push(0, 1, row);
    CHECK(value() == -1.375f);
  }
  SECTION("staying") {
    one.Push(0, 1, row);  // 0.5 + 0.25 (-0.875 - 0)
    CHECK(value() == -1.15625f);
  }
}

TEST_CASE("a repeated push is acknowledged and not applied") {
  const auto mode = GENERATE(v1::Consistency::ASP, v1::Consistency::SSP, v1::Consistency::BSP);
  const auto engine = NewEngine({Sparse(mode)}, {1, 2});
  TestClient client(engine.get(), 1), other(engine.get(), 2);
  client.Attach();
  other.Attach();
  Operation push = client.New(OperationKind::kPush, 0);
  push.segments = kRow.segments;
  push.keys = kRow.keys;
  const RawValues values(kRow.values);
  push.values = values.reader();
  push.examples = 5;
  push.finishes_step = true;
  CHECK(client.Send(push).Get().status.ok());
  const uint64_t digest = engine->Digest();
  for (int i = 0; i < 3; ++i) CHECK(client.Send(push).Get().status.ok());
  CHECK(engine->Digest() == digest);
  CHECK(engine->Counters().duplicates == 3);
  CHECK(other.Finish(0, 0).status.ok());
  CHECK(client.Pull(0, 1, kRow).Floats() == Values{-1});
  CHECK(client.Send(push).Get().clock == 1);  // also after its step has closed
  CHECK(client.Pull(0, 1, kRow).Floats() == Values{-1});
}

TEST_CASE("ssp: a pull waits for who is too far behind") {
  const auto engine = NewEngine({Sparse(v1::Consistency::SSP, 2)}, {1, 2});
  TestClient fast(engine.get(), 1), slow(engine.get(), 2);
  fast.Attach();
  slow.Attach();
  for (uint64_t step = 0; step < 3; ++step) {
    CHECK(fast.Pull(0, step, kRow).answers() == 1);
    fast.Push(0, step, kRow);
  }
  const PendingReply waiting = fast.Pull(0, 3, kRow);
  CHECK(waiting.answers() == 0);
  CHECK(fast.Pull(0, 3, kRow, true).answers() == 1);  // ignore_clock

  const v1::ServerReport report = engine->Report();
  REQUIRE(report.waiting_size() == 1);
  CHECK(report.waiting(0).table() == 0);
  CHECK(report.waiting(0).client() == 1);
  CHECK(report.waiting(0).clock() == 3);
  CHECK(report.waiting(0).waits_for_client() == 2);
  CHECK(report.waiting(0).waits_for_clock() == 0);
  CHECK(report.tables(0).rows() == 1);
  CHECK(report.tables(0).bytes() > 0);
  CHECK(report.pushes() == 3);
  CHECK(report.pulls() == 4);

  SECTION("until it catches up") {
    slow.Push(0, 0, kRow);
    CHECK(waiting.answers() == 1);
    CHECK(waiting.Floats() == Values{-4});
    CHECK(waiting.Get().clock == 1);
  }
  SECTION("until it leaves") {
    slow.Detach();
    CHECK(waiting.Floats() == Values{-3});
  }
  SECTION("until it advances") {
    slow.Advance(1);
    CHECK(waiting.answers() == 1);
  }
  SECTION("until it is no member any more") {
    REQUIRE(engine->ApplyView(TestView(2, {Sparse(v1::Consistency::SSP, 2)}, {1})).ok());
    CHECK(waiting.Get().status.ok());
  }
  SECTION("until it starts again") {
    v1::ClusterView view = TestView(2, {Sparse(v1::Consistency::SSP, 2)}, {1, 2});
    view.mutable_workers(1)->set_incarnation(3);
    REQUIRE(engine->ApplyView(view).ok());
    CHECK(waiting.Get().status.ok());
  }
  CHECK(waiting.answers() == 1);
  CHECK(engine->Report().waiting_size() == 0);
}

TEST_CASE("a waiting pull is refused when it makes no sense any more") {
  auto engine = NewEngine({Sparse(v1::Consistency::BSP)}, {1, 2});
  TestClient fast(engine.get(), 1), slow(engine.get(), 2);
  fast.Attach();
  slow.Attach();
  fast.Finish(0);
  const PendingReply waiting = fast.Pull(0, 1, kRow);
  CHECK(waiting.answers() == 0);
  SECTION("its client leaves") {
    fast.Detach();
    CHECK(waiting.Get().status.code() == Code::kFailedPrecondition);
  }
  SECTION("its client is no member any more") {
    REQUIRE(engine->ApplyView(TestView(2, {Sparse(v1::Consistency::BSP)}, {2})).ok());
    CHECK(waiting.Get().status.code() == Code::kFailedPrecondition);
  }
  SECTION("the epoch changes") {
    v1::ClusterView view = TestView(2, {Sparse(v1::Consistency::BSP)}, {1, 2});
    view.mutable_shard_map()->set_epoch(9);
    REQUIRE(engine->ApplyView(view).ok());
    // The shard is where it was.
    CHECK(waiting.answers() == 0);
    slow.Finish(0);
    CHECK(waiting.Get().status.ok());
    CHECK(waiting.Get().epoch == 9);
  }
  SECTION("its shard moves to another server") {
    v1::ClusterView view = TestView(2, {Sparse(v1::Consistency::BSP)}, {1, 2});
    view.mutable_shard_map()->set_epoch(9);
    for (uint32_t& server : *view.mutable_shard_map()->mutable_tables(0)->mutable_shard_servers()) {
      server = 77;
    }
    REQUIRE(engine->ApplyView(view).ok());
    CHECK(waiting.Get().status.code() == Code::kUnavailable);
  }
  SECTION("its connection breaks") {
    engine->Cancel(1, 5);  // another incarnation
    CHECK(waiting.answers() == 0);
    engine->Cancel(1, 101);
    CHECK(waiting.Get().status.code() == Code::kCancelled);
  }
  SECTION("the engine goes") {
    engine.reset();
    CHECK(waiting.Get().status.code() == Code::kCancelled);
  }
  if (engine) slow.Finish(0);
  CHECK(waiting.answers() == 1);
}

TEST_CASE("more pulls wait than may") {
  const auto engine = NewEngine({Sparse(v1::Consistency::BSP)}, {1, 2}, {.max_parked_pulls = 2});
  TestClient fast(engine.get(), 1), slow(engine.get(), 2);
  fast.Attach();
  slow.Attach();
  fast.Finish(0);
  const PendingReply first = fast.Pull(0, 1, kRow), second = fast.Pull(0, 1, kRow);
  CHECK(fast.Pull(0, 1, kRow).Get().status.code() == Code::kResourceExhausted);
  slow.Finish(0);
  CHECK(first.Get().status.ok());
  CHECK(second.Get().status.ok());
}

TEST_CASE("a waiting pull needs nothing from the operation") {
  const auto engine = NewEngine({Sparse(v1::Consistency::BSP)}, {1, 2});
  TestClient fast(engine.get(), 1), slow(engine.get(), 2);
  fast.Attach();
  slow.Attach();
  CutRows rows = CutKeys({{1, 4}, {2, 8}, {3, 12}}, 4);
  Values expected;
  for (const float value : rows.values) expected.push_back(-value);
  fast.Push(0, 0, rows);
  const PendingReply waiting = fast.Pull(0, 1, rows);
  rows.keys.assign(rows.keys.size(), 99);
  rows.segments.assign(rows.segments.size(), {});
  slow.Finish(0, 0);
  CHECK(waiting.Floats() == expected);
}

TEST_CASE("bsp: the mean of a step, weighted by examples, is applied when it is finished") {
  const auto engine = NewEngine({Sparse(v1::Consistency::BSP)}, {1, 2, 3});
  TestClient one(engine.get(), 1), two(engine.get(), 2), three(engine.get(), 3);
  for (TestClient* client : {&one, &two, &three}) client->Attach();
  const CutRows both = CutKeys({{1, 0}, {2, 0}}, 4);
  const auto order = [&](std::map<uint64_t, float> rows) {
    Values values;
    for (const uint64_t key : both.keys) values.push_back(rows[key]);
    return values;
  };
  one.Push(0, 0, CutKeys({{1, 8}, {2, 16}}, 4), 1);
  two.Push(0, 0, CutKeys({{1, 4}}, 4), 2, false);
  two.Push(0, 0, CutKeys({{2, 24}}, 4), 2);
  CHECK(one.Pull(0, 0, both, true).Floats() == Values{0, 0});
  three.Push(0, 0, CutKeys({{2, 32}}, 4), 5);
  // 1: (1 8 + 2 4) / 8;  2: (1 16 + 2 24 + 5 32) / 8
  CHECK(one.Pull(0, 1, both).Floats() == order({{1, -2}, {2, -28}}));

  SECTION("who dies before it has finished a step does not count") {
    one.Push(0, 1, CutKeys({{1, 4}}, 4), 1);
    two.Push(0, 1, CutKeys({{1, 8}}, 4), 3);
    three.Push(0, 1, CutKeys({{1, 1000}}, 4), 5, false);
    const PendingReply waiting = one.Pull(0, 2, both);
    CHECK(waiting.answers() == 0);
    REQUIRE(engine->ApplyView(TestView(2, {Sparse(v1::Consistency::BSP)}, {1, 2})).ok());
    CHECK(waiting.Floats() == order({{1, -2 - 7}, {2, -28}}));
  }
  SECTION("who dies after it has finished a step counts") {
    three.Push(0, 1, CutKeys({{1, 4}}, 4), 1);
    one.Push(0, 1, CutKeys({{1, 8}}, 4), 3);
    REQUIRE(engine->ApplyView(TestView(2, {Sparse(v1::Consistency::BSP)}, {1, 2})).ok());
    two.Finish(1, 0);
    CHECK(one.Pull(0, 2, both).Floats() == order({{1, -2 - 7}, {2, -28}}));
  }
  SECTION("who leaves within a step and comes back does not count twice") {
    three.Push(0, 1, CutKeys({{1, 1000}}, 4), 5, false);
    three.Detach();
    CHECK(three.Attach().clock == 1);
    three.Push(0, 1, CutKeys({{1, 4}}, 4), 1);
    one.Finish(1, 0);
    two.Finish(1, 0);
    CHECK(one.Pull(0, 2, both).Floats() == order({{1, -2 - 4}, {2, -28}}));
  }
  SECTION("who has finished a step, leaves, comes back and leaves again still counts") {
    one.Push(0, 1, CutKeys({{1, 8}}, 4), 1);
    one.Detach();
    one.Attach();
    one.Detach();
    two.Finish(1, 0);
    three.Finish(1, 0);
    CHECK(two.Pull(0, 2, both).Floats() == order({{1, -2 - 8}, {2, -28}}));
  }
  SECTION("a step that nobody took part in changes nothing") {
    one.Push(0, 1, CutKeys({{1, 1000}}, 4), 1, false);
    for (TestClient* client : {&one, &two, &three}) client->Advance(5);
    CHECK(one.Pull(0, 5, both).Floats() == order({{1, -2}, {2, -28}}));
    CHECK(one.Push(0, 1, CutKeys({{1, 1000}}, 4)).status.ok());
    CHECK(engine->Counters().late == 1);
    CHECK(one.Pull(0, 5, both).Floats() == order({{1, -2}, {2, -28}}));
  }
  SECTION("steps close in order, however far somebody was behind") {
    for (uint64_t step = 1; step < 5; ++step) {
      one.Push(0, step, CutKeys({{1, 1}}, 4), 1);
      two.Push(0, step, CutKeys({{1, 1}}, 4), 1);
    }
    three.Detach();
    CHECK(one.Pull(0, 5, both).Floats() == order({{1, -2 - 4}, {2, -28}}));
  }
}

TEST_CASE("bsp: one client with a batch of B and four with B / 4 reach the same") {
  v1::TableSpec spec = Sparse(v1::Consistency::BSP);
  spec.mutable_optimizer()->set_type(v1::Optimizer::FTRL);
  spec.mutable_optimizer()->set_alpha(0.1);
  spec.mutable_optimizer()->set_beta(1);
  spec.mutable_optimizer()->set_l2(0.1);
  const auto whole = NewEngine({spec}, {1});
  const auto parts = NewEngine({spec}, {1, 2, 3, 4});
  TestClient single(whole.get(), 1);
  single.Attach();
  std::vector<TestClient> four;
  for (uint32_t id = 1; id <= 4; ++id) {
    four.emplace_back(parts.get(), id);
    four.back().Attach();
  }
  Random random(3);
  for (uint64_t step = 0; step < 200; ++step) {
    // A batch of 32 examples, each with a gradient for one of 40 keys.
    std::map<uint64_t, float> sum;
    std::map<uint64_t, float> sums[4];
    for (int example = 0; example < 32; ++example) {
      const uint64_t key = random.NextBelow(40);
      const auto gradient = static_cast<float>(random.NextUnit() - 0.4);
      sum[key] += gradient / 32;
      sums[example % 4][key] += gradient / 8;
    }
    single.Push(0, step, CutKeys(sum, 4), 32);
    for (int i = 0; i < 4; ++i)
      four[(i + step) % 4].Push(0, step, CutKeys(sums[(i + step) % 4], 4), 8);
  }
  for (uint32_t shard = 0; shard < 4; ++shard) {
    const auto a = whole->ReadShard(0, shard, 1), b = parts->ReadShard(0, shard, 1);
    REQUIRE(a->keys == b->keys);
    for (size_t i = 0; i < a->values.size(); ++i) {
      // The gradients differ by rounding in float32 only.
      CHECK(a->values[i] == Approx(b->values[i]).margin(1e-5));
    }
  }
}

TEST_CASE("newcomers enter at the slowest clock, the next after all have left at the largest") {
  const auto engine = NewEngine({Sparse(v1::Consistency::ASP)}, {1, 2, 3});
  TestClient one(engine.get(), 1), two(engine.get(), 2), three(engine.get(), 3);
  one.Attach();
  two.Attach();
  one.Advance(9);
  two.Advance(4);
  CHECK(three.Attach().clock == 4);
  CHECK(one.Attach().clock == 9);
  for (TestClient* client : {&one, &two, &three}) client->Detach();
  CHECK(two.Attach().clock == 9);
}

TEST_CASE("views") {
  const v1::TableSpec spec = Sparse(v1::Consistency::ASP);
  const auto engine = NewEngine({spec}, {1});
  TestClient client(engine.get(), 1);
  client.Attach();
  client.Push(0, 0, kRow);

  SECTION("an older one is ignored") {
    REQUIRE(engine->ApplyView(TestView(1, {}, {})).ok());
    CHECK(client.Pull(0, 1, kRow).Floats() == Values{-1});
  }
  SECTION("a newer one keeps shards and adds tables") {
    v1::ClusterView view =
        TestView(2, {spec, TestTable("more", v1::TableSpec::DENSE, v1::Consistency::BSP)}, {1, 5});
    view.mutable_shard_map()->set_epoch(2);
    REQUIRE(engine->ApplyView(view).ok());
    // Under the earlier epoch too: the shard is where it was.
    const Reply stale = client.Pull(0, 1, kRow).Get();
    CHECK(stale.status.ok());
    CHECK(stale.epoch == 2);
    Operation pull = client.New(OperationKind::kPull, 1);
    pull.epoch = 2;
    pull.segments = kRow.segments;
    pull.keys = kRow.keys;
    CHECK(client.Send(pull).Floats() == Values{-1});
    CHECK(engine->Report().tables(1).rows() == 10);
  }
  SECTION("one that changes or removes a table is refused whole") {
    v1::TableSpec changed = spec;
    changed.set_dim(2);
    CHECK(engine->ApplyView(TestView(2, {changed}, {1})).code() == Code::kInvalidArgument);
    CHECK(engine->ApplyView(TestView(2, {}, {1})).code() == Code::kInvalidArgument);
    CHECK(client.Pull(0, 1, kRow).Floats() == Values{-1});
  }
}

TEST_CASE("ReadShard") {
  const auto engine = NewEngine({Sparse(v1::Consistency::ASP)}, {1});
  TestClient client(engine.get(), 1);
  client.Attach();
  client.Push(0, 0, kRow);
  const auto snapshot = engine->ReadShard(0, kRow.segments[0].shard, 1);
  REQUIRE(snapshot.ok());
  CHECK(snapshot->keys == std::vector<uint64_t>{7});
  CHECK(snapshot->values == Values{-1});
  CHECK(engine->ReadShard(0, 0, 2).status().code() == Code::kUnavailable);
  CHECK(engine->ReadShard(0, 4, 1).status().code() == Code::kNotFound);
  CHECK(engine->ReadShard(1, 0, 1).status().code() == Code::kNotFound);
}

TEST_CASE("a callback may hand in the next operation") {
  const auto engine = NewEngine({Sparse(v1::Consistency::BSP)}, {1, 2});
  TestClient fast(engine.get(), 1), slow(engine.get(), 2);
  fast.Attach();
  slow.Attach();
  fast.Finish(0);
  Operation pull = fast.New(OperationKind::kPull, 1);
  pull.segments = kRow.segments;
  pull.keys = kRow.keys;
  Operation finish = fast.New(OperationKind::kPush, 1);
  finish.finishes_step = true;
  PendingReply last;
  engine->Handle(pull, [&](const Reply&) { engine->Handle(finish, last.Callback()); });
  CHECK(last.answers() == 0);
  slow.Finish(0);
  CHECK(last.Get().status.ok());
}

}  // namespace
}  // namespace paramd
