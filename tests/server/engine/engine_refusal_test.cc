// Whatever is refused leaves the state as it was, to the bit.
#include <catch2/catch.hpp>
#include <functional>
#include <limits>

#include "server/engine/engine.h"
#include "tests/server/engine/engine_fixture.h"

namespace paramd {
namespace {

constexpr uint32_t kDense = 0, kSparse = 1, kBsp = 2;

// Tables over two servers, some pushes done.
class World {
 public:
  World() {
    engine.SetServerId(1);
    v1::ClusterView view =
        TestView(1,
                 {TestTable("dense", v1::TableSpec::DENSE, v1::Consistency::ASP),
                  TestTable("sparse", v1::TableSpec::SPARSE, v1::Consistency::SSP),
                  TestTable("bsp", v1::TableSpec::SPARSE, v1::Consistency::BSP)},
                 {1, 2});
    view.mutable_shard_map()->mutable_tables(kDense)->set_shard_servers(3, 2);
    REQUIRE(engine.ApplyView(view).ok());
    client.Attach();
    other.Attach();
    REQUIRE(
        client.Push(kDense, 0, {{{.shard = 0, .rows = 2, .first_row = 0}}, {}, {1, 2}}, 1, false)
            .status.ok());
    REQUIRE(client.Push(kSparse, 0, CutKeys({{1, 1}, {2, 2}, {3, 3}}, 4), 1, false).status.ok());
    REQUIRE(client.Push(kBsp, 0, CutKeys({{1, 1}, {2, 2}}, 4), 1, false).status.ok());
    // An operation that is right, to be broken by the tests.
    rows = CutKeys({{10, 1}, {20, 2}, {30, 3}, {40, 4}, {50, 5}, {60, 6}}, 4);
    push = client.New(OperationKind::kPush);
    push.table = kSparse;
    push.finishes_step = true;
    push.examples = 1;
    push.segments = rows.segments;
    push.keys = rows.keys;
    values = RawValues(rows.values);
    push.values = values.reader();
  }

  // The code that `operation` is refused with; fails unless the state stays.
  absl::StatusCode Refusal(const Operation& operation) {
    const uint64_t before = engine.Digest();
    const uint64_t refused = engine.Counters().refused;
    const PendingReply reply = client.Send(operation);
    CHECK(reply.answers() == 1);
    CHECK(reply.Get().sequence == operation.sequence);
    CHECK(reply.Get().epoch == 1);
    CHECK(reply.Get().values.size() == 0);
    CHECK(engine.Digest() == before);
    CHECK(engine.Counters().refused == refused + 1);
    return reply.Get().status.code();
  }

  absl::StatusCode Refusal(const std::function<void(Operation&)>& edit) {
    Operation operation = push;
    edit(operation);
    return Refusal(operation);
  }

  Engine engine{{.limits = {.max_rows = 100}}};
  TestClient client{&engine, 1};
  TestClient other{&engine, 2};
  CutRows rows;
  RawValues values;
  Operation push;
};

using Code = absl::StatusCode;

TEST_CASE("the push that the other tests break is accepted unbroken") {
  World world;
  CHECK(world.client.Send(world.push).Get().status.ok());
}

TEST_CASE("strangers are refused by name") {
  World world;
  CHECK(world.Refusal([](Operation& op) { op.client = 7; }) == Code::kFailedPrecondition);
  CHECK(world.Refusal([](Operation& op) { op.incarnation = 1; }) == Code::kFailedPrecondition);
  for (const auto kind : {OperationKind::kAttach, OperationKind::kAdvance, OperationKind::kPull,
                          OperationKind::kPush, OperationKind::kDetach}) {
    const Operation operation = {.kind = kind, .client = 7, .sequence = 1, .epoch = 1};
    CHECK(world.Refusal(operation) == Code::kFailedPrecondition);
    const std::string message(world.client.Send(operation).Get().status.message());
    CHECK(message.find("client 7") != std::string::npos);
  }
}

TEST_CASE("another epoch") {
  World world;
  // This server does not know it yet.
  CHECK(world.Refusal([](Operation& op) { op.epoch = 2; }) == Code::kUnavailable);
  CHECK(world.Refusal([](Operation& op) {
    op.epoch = 2;
    op.kind = OperationKind::kPull;
    op.values = {};
  }) == Code::kUnavailable);
  // The shards are where they were in an earlier one.
  world.push.epoch = 0;
  CHECK(world.client.Send(world.push).Get().status.ok());
}

TEST_CASE("tables and shards that are not here") {
  World world;
  CHECK(world.Refusal([](Operation& op) { op.table = 3; }) == Code::kNotFound);
  const std::vector<Segment> none = {{.shard = 4}};
  CHECK(world.Refusal([&](Operation& op) { op.segments = none; }) == Code::kNotFound);
  const std::vector<Segment> elsewhere = {{.shard = 3, .rows = 1, .first_row = 7}};
  CHECK(world.Refusal([&](Operation& op) {
    op.table = kDense;
    op.segments = elsewhere;
  }) == Code::kUnavailable);
}

TEST_CASE("shapes that do not fit") {
  World world;
  std::vector<Segment> segments = world.rows.segments;
  segments.push_back(segments[0]);
  segments.back().rows = 0;
  CHECK(world.Refusal([&](Operation& op) { op.segments = segments; }) == Code::kInvalidArgument);

  const auto dense = [&](std::vector<Segment> segments, std::vector<float> values,
                         std::vector<uint64_t> keys = {}) {
    const RawValues raw(values);
    return world.Refusal([&](Operation& op) {
      op.table = kDense;
      op.segments = segments;
      op.keys = keys;
      op.values = raw.reader();
    });
  };
  // 10 rows in 4 shards: [0, 2) [2, 5) [5, 7) [7, 10).
  CHECK(dense({{.shard = 0, .rows = 2, .first_row = 1}}, {1, 2}) == Code::kInvalidArgument);
  CHECK(dense({{.shard = 1, .rows = 1, .first_row = 1}}, {1}) == Code::kInvalidArgument);
  CHECK(dense({{.shard = 1, .rows = 1, .first_row = UINT64_MAX}}, {1}) == Code::kInvalidArgument);
  CHECK(dense({{.shard = 0, .rows = 2, .first_row = 0}}, {1}) == Code::kInvalidArgument);
  CHECK(dense({{.shard = 0, .rows = 1, .first_row = 0}}, {1}, {0}) == Code::kInvalidArgument);
  // A good part before the bad one.
  CHECK(dense({{.shard = 0, .rows = 1, .first_row = 0}, {.shard = 1, .rows = 9, .first_row = 2}},
              std::vector<float>(10)) == Code::kInvalidArgument);
}

TEST_CASE("lengths that do not add up") {
  World world;
  CHECK(world.Refusal([](Operation& op) { op.keys.remove_suffix(1); }) == Code::kInvalidArgument);
  for (const size_t missing : {size_t{1}, sizeof(float)}) {
    CHECK(world.Refusal([&](Operation& op) {
      op.values = op.values.Take(op.values.remaining() - missing);
    }) == Code::kInvalidArgument);
  }
  const std::vector<float> longer(world.rows.values.size() + 1);
  const RawValues too_many(longer);
  CHECK(world.Refusal([&](Operation& op) { op.values = too_many.reader(); }) ==
        Code::kInvalidArgument);
  CHECK(world.Refusal([](Operation& op) { op.segments.remove_suffix(1); }) ==
        Code::kInvalidArgument);
  CHECK(world.Refusal([](Operation& op) { op.segments = {}; }) == Code::kInvalidArgument);
  CHECK(world.Refusal([](Operation& op) { op.kind = OperationKind::kPull; }) ==
        Code::kInvalidArgument);
  for (const auto kind :
       {OperationKind::kAttach, OperationKind::kAdvance, OperationKind::kDetach}) {
    CHECK(world.Refusal([&](Operation& op) { op.kind = kind; }) == Code::kInvalidArgument);
  }
}

TEST_CASE("more rows than the limit") {
  World world;
  const std::vector<Segment> segments = {{.shard = 0, .rows = 101}};
  CHECK(world.Refusal([&](Operation& op) { op.segments = segments; }) == Code::kInvalidArgument);
  const std::vector<Segment> huge = {{.shard = 0, .rows = UINT32_MAX},
                                     {.shard = 1, .rows = UINT32_MAX}};
  CHECK(world.Refusal([&](Operation& op) { op.segments = huge; }) == Code::kInvalidArgument);
}

TEST_CASE("keys that are out of order, twice, or of another shard") {
  World world;
  const auto refusal = [&](const std::vector<uint64_t>& keys) {
    return world.Refusal([&](Operation& op) { op.keys = keys; });
  };
  REQUIRE(world.rows.segments.back().rows >= 2);
  std::vector<uint64_t> keys = world.rows.keys;
  std::swap(keys.back(), keys[keys.size() - 2]);
  CHECK(refusal(keys) == Code::kInvalidArgument);
  keys = world.rows.keys;
  keys.back() = keys[keys.size() - 2];
  CHECK(refusal(keys) == Code::kInvalidArgument);
  keys = world.rows.keys;
  while (ShardOfKey(keys.back(), 4) == world.rows.segments.back().shard) ++keys.back();
  CHECK(refusal(keys) == Code::kInvalidArgument);
}

TEST_CASE("gradients that are NaN or infinite") {
  World world;
  using Limits = std::numeric_limits<float>;
  for (const float bad :
       {Limits::quiet_NaN(), Limits::signaling_NaN(), Limits::infinity(), -Limits::infinity()}) {
    for (const size_t place : {size_t{0}, world.rows.values.size() - 1}) {
      for (const uint32_t table : {kSparse, kBsp}) {
        std::vector<float> values = world.rows.values;
        values[place] = bad;
        const RawValues raw(values);
        CHECK(world.Refusal([&](Operation& op) {
          op.table = table;
          op.values = raw.reader();
        }) == Code::kInvalidArgument);
      }
    }
  }
  std::vector<float> values = world.rows.values;
  values[0] = Limits::max();
  values[1] = -Limits::denorm_min();
  Operation push = world.push;
  const RawValues raw(values);
  push.values = raw.reader();
  CHECK(world.client.Send(push).Get().status.ok());
}

TEST_CASE("clocks that cannot be") {
  World world;
  CHECK(world.Refusal([](Operation& op) { op.clock = UINT64_MAX; }) == Code::kInvalidArgument);
  CHECK(world.Refusal(world.client.New(OperationKind::kAdvance, UINT64_MAX)) ==
        Code::kInvalidArgument);
}

TEST_CASE("who is not attached can only pull without a clock") {
  World world;
  world.client.Detach();
  CHECK(world.Refusal([](Operation&) {}) == Code::kFailedPrecondition);
  const auto pull = [](Operation& op) {
    op.kind = OperationKind::kPull;
    op.values = {};
  };
  CHECK(world.Refusal(pull) == Code::kFailedPrecondition);
  CHECK(world.Refusal(world.client.New(OperationKind::kAdvance, 5)) == Code::kFailedPrecondition);
  CHECK(world.client.Pull(kSparse, 0, world.rows, true).Get().status.ok());
  CHECK(world.client.Detach().status.ok());
}

TEST_CASE("before the first view operations are to come again later") {
  Engine engine({});
  TestClient client(&engine, 1);
  CHECK(client.Attach().status.code() == Code::kUnavailable);
  CHECK(engine.ApplyView(TestView(1, {}, {1})).code() == Code::kFailedPrecondition);
}

}  // namespace
}  // namespace paramd
