// What the coordinator does about slow workers.

#include "tests/server/coordinator/core_cluster.h"

namespace paramd {
namespace {

// A server and workers w0 and w1, which have a partition each; w1 is slow.
struct Uneven {
  explicit Uneven(int partitions) : cluster(Config(), partitions) {
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

  static v1::Config Config() {
    v1::Config config = ConfigOf(1, 2);
    config.mutable_cluster()->mutable_heartbeat()->mutable_interval()->set_seconds(1);
    config.mutable_training()->mutable_straggler()->set_factor(2);
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
  // Reports are a heartbeat old: of eight seconds seven.
  CHECK(status.workers(1).straggler() ==
        "its steps take 1.142857s, the median of the others is 114.285ms");
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

}  // namespace
}  // namespace paramd
