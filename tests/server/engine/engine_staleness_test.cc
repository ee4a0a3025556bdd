#include <catch2/catch.hpp>

#include "server/engine/engine.h"
#include "tests/server/engine/engine_fixture.h"
#include "tests/testing/manual_clock.h"

namespace paramd {
namespace {

using Counts = std::vector<uint64_t>;

const CutRows kRow = CutKeys({{7, 1}}, 4);

std::vector<v1::TableSpec> Tables() {
  return {TestTable("sparse", v1::TableSpec::SPARSE, v1::Consistency::SSP, 4),
          TestTable("other", v1::TableSpec::SPARSE, v1::Consistency::ASP)};
}

Counts Pushes(const v1::TableReport& table) {
  return {table.push_staleness().begin(), table.push_staleness().end()};
}
Counts Pulls(const v1::TableReport& table) {
  return {table.pull_staleness().begin(), table.pull_staleness().end()};
}

TEST_CASE("staleness of pushes and pulls is counted for each table") {
  Engine engine({});
  engine.SetServerId(1);
  REQUIRE(engine.ApplyView(TestView(1, Tables(), {1, 2})).ok());
  TestClient fast(&engine, 1), slow(&engine, 2);
  fast.Attach();
  slow.Attach();
  for (uint64_t step = 0; step < 4; ++step) {
    // The rows may lack steps 0 to step - 1 of the slow client.
    fast.Pull(0, step, kRow);
    fast.Push(0, step, kRow);
  }
  CHECK(Pulls(engine.Report().tables(0)) == Counts{1, 1, 2});
  CHECK(Pushes(engine.Report().tables(0)) == Counts{4});
  slow.Push(0, 0, kRow);  // 4 steps behind
  CHECK(Pushes(engine.Report().tables(0)) == Counts{4, 0, 0, 1});
  CHECK(Pushes(engine.Report().tables(1)).empty());
  CHECK(Pulls(engine.Report().tables(1)).empty());

  SECTION("what does not go by clocks is not") { fast.Pull(0, 9, kRow, true); }
  SECTION("what carries no rows is not") { fast.Finish(4); }
  SECTION("a pull that waits is not, until it is answered") {
    const PendingReply waiting = fast.Pull(0, 6, kRow);
    CHECK(waiting.answers() == 0);
    CHECK(Pulls(engine.Report().tables(0)) == Counts{1, 1, 2});
    slow.Finish(1);
    CHECK(waiting.answers() == 1);
    CHECK(Pulls(engine.Report().tables(0)) == Counts{1, 1, 2, 1});
    return;
  }
  SECTION("a push that was taken before is not") {
    Operation push = slow.New(OperationKind::kPush, 0);
    push.sequence = 1;
    push.segments = kRow.segments;
    push.keys = kRow.keys;
    const RawValues values(kRow.values);
    push.values = values.reader();
    CHECK(slow.Send(push).Get().status.ok());
  }
  SECTION("counts outlive the view") { REQUIRE(engine.ApplyView(TestView(2, Tables(), {1})).ok()); }
  CHECK(Pulls(engine.Report().tables(0)) == Counts{1, 1, 2});
  CHECK(Pushes(engine.Report().tables(0)) == Counts{4, 0, 0, 1});
}

TEST_CASE("the time that pulls wait is measured for each table, once for each client") {
  ManualClock clock;
  Engine engine({.clock = &clock});
  engine.SetServerId(1);
  REQUIRE(engine.ApplyView(TestView(1, Tables(), {1, 2, 3})).ok());
  TestClient fast(&engine, 1), other(&engine, 2), slow(&engine, 3);
  for (TestClient* client : {&fast, &other, &slow}) client->Attach();
  const auto waited = [&](int table) { return engine.Report().tables(table).waited_seconds(); };
  CHECK(waited(0) == 0);
  fast.Pull(0, 5, kRow);
  clock.Advance(absl::Seconds(1));
  fast.Pull(0, 5, kRow);   // a second piece of the same wait
  other.Pull(0, 5, kRow);  // a wait of its own
  clock.Advance(absl::Seconds(2));
  CHECK(waited(0) == 5);
  other.Detach();
  clock.Advance(absl::Seconds(1));
  CHECK(waited(0) == 6);
  slow.Finish(0);
  fast.Detach();
  clock.Advance(absl::Seconds(10));
  CHECK(waited(0) == 6);
  CHECK(waited(1) == 0);
}

TEST_CASE("how pulls wait is changed from a clock on") {
  v1::TableSpec spec = TestTable("sparse", v1::TableSpec::SPARSE, v1::Consistency::SSP, 1);
  Engine engine({});
  engine.SetServerId(1);
  REQUIRE(engine.ApplyView(TestView(1, {spec}, {1, 2})).ok());
  TestClient fast(&engine, 1), slow(&engine, 2);
  fast.Attach();
  slow.Attach();
  for (uint64_t step = 0; step < 6; ++step) fast.Push(0, step, kRow);
  const PendingReply early = fast.Pull(0, 3, kRow), late = fast.Pull(0, 4, kRow);
  CHECK(early.answers() + late.answers() == 0);
  *spec.mutable_consistency_before() = spec.consistency();
  spec.set_consistency_from(4);

  SECTION("to a larger staleness") {
    spec.mutable_consistency()->mutable_staleness()->set_steps(4);
    spec.mutable_pull()->set_max_age(4);
    REQUIRE(engine.ApplyView(TestView(2, {spec}, {1, 2})).ok());
    CHECK(late.Floats() == std::vector<float>{-6});
    CHECK(early.answers() == 0);
    CHECK(fast.Pull(0, 5, kRow).answers() == 0);
    slow.Finish(0);
    slow.Finish(1);
  }
  SECTION("to none") {
    spec.mutable_consistency()->mutable_staleness()->set_steps(0);
    REQUIRE(engine.ApplyView(TestView(2, {spec}, {1, 2})).ok());
    for (uint64_t step = 0; step < 3; ++step) slow.Finish(step);
    CHECK(early.answers() == 1);
    CHECK(late.answers() == 0);
    slow.Finish(3);
  }
  SECTION("to asp") {
    spec.mutable_consistency()->set_mode(v1::Consistency::ASP);
    REQUIRE(engine.ApplyView(TestView(2, {spec}, {1, 2})).ok());
    CHECK(late.answers() == 1);
    CHECK(early.answers() == 0);
    slow.Advance(2);
  }
  SECTION("but not to bsp") {
    spec.mutable_consistency()->set_mode(v1::Consistency::BSP);
    CHECK(engine.ApplyView(TestView(2, {spec}, {1, 2})).code() ==
          absl::StatusCode::kInvalidArgument);
    slow.Advance(3);
  }
  CHECK(early.answers() == 1);
  CHECK(late.answers() == 1);
}

}  // namespace
}  // namespace paramd
