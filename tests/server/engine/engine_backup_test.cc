#include <catch2/catch.hpp>

#include "server/engine/engine.h"
#include "tests/server/engine/engine_fixture.h"

namespace paramd {
namespace {

using Values = std::vector<float>;

const CutRows kRow = CutKeys({{7, 0}}, 4);

CutRows Gradient(float value) { return CutKeys({{7, value}}, 4); }

v1::TableSpec Table(uint32_t backups) {
  v1::TableSpec spec = TestTable("sparse", v1::TableSpec::SPARSE, v1::Consistency::BSP);
  spec.mutable_consistency()->set_backup_workers(backups);
  return spec;
}

// Three clients that have attached, one of them a backup.
struct Three {
  explicit Three(uint32_t backups = 1) {
    engine.SetServerId(1);
    REQUIRE(engine.ApplyView(TestView(1, {Table(backups)}, {1, 2, 3})).ok());
    for (TestClient* client : {&one, &two, &slow}) client->Attach();
  }

  Engine engine{{}};
  TestClient one{&engine, 1}, two{&engine, 2}, slow{&engine, 3};
};

TEST_CASE("a step closes without the slowest client, whose gradients for it are dropped") {
  Three three;
  three.one.Push(0, 0, Gradient(3), 1);
  const PendingReply waiting = three.one.Pull(0, 1, kRow);
  CHECK(waiting.answers() == 0);
  three.two.Push(0, 0, Gradient(6), 2);
  // (1 3 + 2 6) / 3
  CHECK(waiting.Floats() == Values{-5});
  CHECK(waiting.Get().clock == 1);
  CHECK(three.engine.Counters().dropped == 0);

  CHECK(three.slow.Push(0, 0, Gradient(100), 1).status.ok());
  CHECK(three.engine.Counters().dropped == 1);
  CHECK(three.engine.Counters().late == 1);
  CHECK(three.engine.Report().late() == 1);
  const PendingReply next = three.slow.Pull(0, 1, kRow);
  CHECK(next.Floats() == Values{-5});
  CHECK(next.Get().clock == 1);
}

TEST_CASE("who is late by many steps goes on with the open one") {
  Three three;
  for (uint64_t step = 0; step < 5; ++step) {
    three.one.Push(0, step, Gradient(1));
    three.two.Push(0, step, Gradient(1));
  }
  three.slow.Push(0, 0, Gradient(100));
  const Reply pulled = three.slow.Pull(0, 1, kRow).Get();
  CHECK(FloatsOf(pulled) == Values{-5});
  REQUIRE(pulled.clock == 5);

  SECTION("and counts when it is in time") {
    three.slow.Push(0, 5, Gradient(3));
    three.one.Push(0, 5, Gradient(1));
    CHECK(three.two.Pull(0, 6, kRow).Floats() == Values{-7});
    three.two.Push(0, 5, Gradient(100));
    CHECK(three.engine.Counters().dropped == 2);
  }
  SECTION("and its clock does not finish the step for it") {
    three.one.Push(0, 5, Gradient(1));
    CHECK(three.one.Pull(0, 6, kRow).answers() == 0);
  }
  CHECK(three.one.Pull(0, 5, kRow).answers() == 1);
}

TEST_CASE("a step that is late in part counts nowhere") {
  Three three;
  // Rows on two shards, of which the push of the first comes before the step closes.
  const CutRows both = CutKeys({{1, 0}, {2, 0}}, 4);
  three.slow.Push(0, 0, CutKeys({{1, 100}}, 4), 1, false);
  three.one.Push(0, 0, CutKeys({{1, 1}, {2, 1}}, 4));
  three.two.Push(0, 0, CutKeys({{1, 1}, {2, 1}}, 4));
  three.slow.Push(0, 0, CutKeys({{2, 100}}, 4));
  CHECK(three.one.Pull(0, 1, both).Floats() == Values{-1, -1});
}

TEST_CASE("the last clients finish alone") {
  Three three;
  three.one.Push(0, 0, Gradient(1));
  three.one.Detach();
  three.two.Push(0, 0, Gradient(1));
  three.two.Detach();
  const uint64_t open = three.slow.Pull(0, 0, kRow).Get().clock;
  three.slow.Push(0, open, Gradient(2));
  CHECK(three.slow.Pull(0, open + 1, kRow).answers() == 1);
  three.slow.Detach();
  CHECK(three.one.Attach().clock >= open);
}

TEST_CASE("steps never open again when clients come and go") {
  Three three;
  for (uint64_t step = 0; step < 4; ++step) {
    three.one.Push(0, step, Gradient(1));
    three.two.Push(0, step, Gradient(1));
  }
  SECTION("one that leaves") { three.two.Detach(); }
  SECTION("one that is lost") {
    REQUIRE(three.engine.ApplyView(TestView(2, {Table(1)}, {1, 3})).ok());
  }
  SECTION("one that leaves and comes back") {
    three.two.Detach();
    CHECK(three.two.Attach().clock == 4);
  }
  CHECK(three.one.Pull(0, 4, kRow).Floats() == Values{-4});
  three.slow.Push(0, 2, Gradient(100));
  CHECK(three.slow.Pull(0, 3, kRow).Floats() == Values{-4});
}

}  // namespace
}  // namespace paramd
