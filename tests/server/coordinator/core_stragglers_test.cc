// What the coordinator does about slow workers.

#include "tests/server/coordinator/core_cluster.h"

namespace paramd {
namespace {

// A server and workers w0 and w1, which have a partition each; w1 is slow.
struct Uneven {
  explicit Uneven(int partitions, bool backup = false) : cluster(Config(backup), partitions) {
    server = cluster.Join(v1::SHARD_HOST, "s0");
    fast = cluster.Worker("w0");
    slow = cluster.Worker("w1");
    cluster.Applied(server);
    fast_lease = cluster.Grant(fast).value().lease();
    slow_lease = cluster.Grant(slow).value().lease();
    cluster.Attached(fast);
    cluster.Attached(slow);
    for (uint64_t second = 0; second < 12; ++second) {
      cluster.Report(fast, 10 * second);
      cluster.Report(slow, second);
      v1::MemberMessage heartbeat;
      heartbeat.mutable_heartbeat()->mutable_server();
      cluster.Say(server, heartbeat);
      cluster.Advance(absl::Seconds(1));
    }
  }

  static v1::Config Config(bool backup) {
    v1::Config config = ConfigOf(1, 2);
    config.mutable_cluster()->mutable_heartbeat()->mutable_interval()->set_seconds(1);
    config.mutable_training()->mutable_straggler()->set_factor(2);
    config.mutable_training()->mutable_straggler()->set_backup(backup);
    config.mutable_data()->set_epochs(1);
    config.mutable_data()->set_assignment(v1::Data::RANGES);
    config.mutable_data()->set_batch_size(1);
    return config;
  }

  Cluster cluster;
  ConnectionId server, fast, slow;
  uint64_t fast_lease, slow_lease;
};

TEST_CASE("status says who is a straggler and why") {
  Uneven uneven(8);
  const v1::ClusterStatus status = uneven.cluster.Status();
  CHECK(status.workers(0).straggler().empty());
  CHECK(status.workers(1).straggler() == "its steps take 1s, the median of the others is 100ms");
}

TEST_CASE("a straggler gets its next partition when it has ended the one it works on") {
  Uneven uneven(8);
  uneven.cluster.Request(uneven.fast);
  CHECK(uneven.cluster.Grant(uneven.fast).has_value());
  uneven.cluster.Request(uneven.slow);
  CHECK_FALSE(uneven.cluster.Grant(uneven.slow).has_value());
  CHECK(uneven.cluster.NoWork(uneven.slow) == 1);
  uneven.cluster.Done(uneven.slow, uneven.slow_lease);
  uneven.cluster.Idle(uneven.slow);
  CHECK(uneven.cluster.Grant(uneven.slow).has_value());
}

TEST_CASE("the last partitions are left to others while there are any") {
  Uneven uneven(3);
  uneven.cluster.Done(uneven.slow, uneven.slow_lease);
  uneven.cluster.Idle(uneven.slow);
  CHECK_FALSE(uneven.cluster.Grant(uneven.slow).has_value());
  // Nobody else is there.
  uneven.cluster.Disconnect(uneven.fast);
  uneven.cluster.Heartbeat(uneven.slow);
  CHECK(uneven.cluster.Grant(uneven.slow).has_value());
}

// Who is fast has nothing left to do, and does what the slow one does as well.
std::optional<v1::WorkGrant> Help(Uneven& uneven) {
  uneven.cluster.Done(uneven.fast, uneven.fast_lease);
  uneven.cluster.Idle(uneven.fast);
  const auto grant = uneven.cluster.Grant(uneven.fast);
  if (grant.has_value()) uneven.cluster.Attached(uneven.fast);
  return grant;
}

TEST_CASE("the last partitions of stragglers are done by others as well, and the first counts") {
  Uneven uneven(2, true);
  const auto help = Help(uneven);
  REQUIRE(help.has_value());
  CHECK(help->attempt() == 2);
  CHECK(help->lease() > uneven.slow_lease);
  const bool slow_is_first = GENERATE(false, true);
  const ConnectionId first = slow_is_first ? uneven.slow : uneven.fast;
  const ConnectionId second = slow_is_first ? uneven.fast : uneven.slow;
  const uint64_t first_lease = slow_is_first ? uneven.slow_lease : help->lease();
  const uint64_t second_lease = slow_is_first ? help->lease() : uneven.slow_lease;
  uneven.cluster.Done(first, first_lease, 20);
  CHECK(uneven.cluster.Revoked(first).empty());
  CHECK(uneven.cluster.Revoked(second) == std::vector<uint64_t>{second_lease});
  uneven.cluster.Idle(first);
  // The parameters come to rest.
  CHECK(uneven.cluster.Job().phase() == v1::TRAINING);
  CHECK(uneven.cluster.Job().examples() >= 30);
  uneven.cluster.Done(second, second_lease, 7);
  uneven.cluster.Idle(second);
  CHECK(uneven.cluster.Job().phase() != v1::TRAINING);
  CHECK(uneven.cluster.Job().examples() == 30);
}

TEST_CASE("nobody helps unless asked to, nor twice, nor who is not slow") {
  SECTION("not asked to") {
    Uneven uneven(2);
    CHECK_FALSE(Help(uneven).has_value());
  }
  SECTION("there are partitions that nobody does") {
    Uneven uneven(3, true);
    const auto next = Help(uneven);
    REQUIRE(next.has_value());
    CHECK(next->attempt() == 1);
  }
  SECTION("somebody helps") {
    Uneven uneven(2, true);
    CHECK(Help(uneven).has_value());
    const ConnectionId third = uneven.cluster.Worker("w2");
    uneven.cluster.Applied(uneven.server);
    CHECK_FALSE(uneven.cluster.Grant(third).has_value());
  }
  SECTION("who is left is as fast") {
    Uneven uneven(2, true);
    uneven.cluster.Done(uneven.slow, uneven.slow_lease);
    uneven.cluster.Idle(uneven.slow);
    CHECK_FALSE(uneven.cluster.Grant(uneven.slow).has_value());
  }
}

TEST_CASE("of two at a partition the other one goes on when one is lost") {
  Uneven uneven(2, true);
  const auto help = Help(uneven);
  REQUIRE(help.has_value());
  const bool slow_is_lost = GENERATE(false, true);
  const ConnectionId lost = slow_is_lost ? uneven.slow : uneven.fast;
  const ConnectionId stays = slow_is_lost ? uneven.fast : uneven.slow;
  v1::MemberMessage goodbye;
  goodbye.mutable_goodbye();
  uneven.cluster.Send(lost, goodbye);
  uneven.cluster.Applied(uneven.server);
  CHECK_FALSE(uneven.cluster.Grant(stays).has_value());
  uneven.cluster.Done(stays, slow_is_lost ? help->lease() : uneven.slow_lease, 20);
  uneven.cluster.Idle(stays);
  CHECK(uneven.cluster.Job().phase() != v1::TRAINING);
  CHECK(uneven.cluster.Job().examples() == 30);
}

TEST_CASE(
    "what was revoked is said again to a worker that comes back, also by another coordinator") {
  Uneven uneven(2, true);
  const auto help = Help(uneven);
  REQUIRE(help.has_value());
  uneven.cluster.Disconnect(uneven.slow);
  uneven.cluster.Done(uneven.fast, help->lease(), 20);
  CHECK(uneven.cluster.Revoked(uneven.slow).empty());
  if (GENERATE(false, true)) uneven.cluster.Restart();
  const ConnectionId again = uneven.cluster.Join(v1::WORKER, "w1");
  CHECK(uneven.cluster.Revoked(again) == std::vector<uint64_t>{uneven.slow_lease});
  CHECK_FALSE(uneven.cluster.Grant(again).has_value());
}

}  // namespace
}  // namespace paramd
