// CoordinatorCore: members that come, go, and come back.

#include <catch2/catch.hpp>

#include "tests/server/coordinator/core_cluster.h"

namespace paramd {
namespace {

TEST_CASE("the partitions of a worker whose lease is over go to another one") {
  Cluster cluster(ConfigOf(1, 2), 2);
  const ConnectionId server = cluster.Join(v1::SHARD_HOST, "s0");
  const ConnectionId w0 = cluster.Worker("w0");
  const ConnectionId w1 = cluster.Worker("w1");
  cluster.Applied(server);
  const v1::WorkGrant lost = *cluster.Grant(w0);
  const v1::WorkGrant kept = *cluster.Grant(w1);
  cluster.Disconnect(w0);
  CHECK(cluster.Status().problems_size() == 1);
  cluster.Advance(kLease - absl::Seconds(1));
  cluster.Heartbeat(server);
  cluster.Heartbeat(w1);
  CHECK(cluster.View(server).workers_size() == 2);
  cluster.Advance(absl::Seconds(1) + absl::Milliseconds(1));
  CHECK(cluster.View(server).workers_size() == 1);
  cluster.Done(w1, kept.lease());
  cluster.Idle(w1);
  const v1::WorkGrant retry = *cluster.Grant(w1);
  CHECK(retry.partitions(0).file() == lost.partitions(0).file());
  CHECK(retry.attempt() == 2);
  cluster.Done(w1, retry.lease());
  cluster.Idle(w1);
  // Not before the server has let the lost worker go from its clocks.
  CHECK(cluster.Job().state() == v1::RUNNING);
  cluster.Applied(server);
  CHECK(cluster.Job().state() == v1::SUCCEEDED);
  CHECK(cluster.Job().examples() == 20);
}

TEST_CASE("a stall of the coordinator is not held against the members") {
  Small small(ConfigOf(1, 1), 2);
  small.cluster.core().OnStall(2 * kLease);
  small.cluster.Advance(2 * kLease);
  CHECK(small.cluster.Job().state() == v1::RUNNING);
}

TEST_CASE("a worker that says goodbye gives its work back at once") {
  Cluster cluster(ConfigOf(1, 1), 1);
  const ConnectionId server = cluster.Join(v1::SHARD_HOST, "s0");
  const ConnectionId w0 = cluster.Worker("w0");
  cluster.Applied(server);
  REQUIRE(cluster.Grant(w0).has_value());
  v1::MemberMessage goodbye;
  goodbye.mutable_goodbye()->set_reason("stopped");
  cluster.Send(w0, goodbye);
  CHECK(cluster.Closed(w0)->ok());
  const ConnectionId w1 = cluster.Worker("w1");
  cluster.Applied(server);
  CHECK(cluster.Grant(w1)->attempt() == 2);
}

TEST_CASE("a lost server fails the job and is named") {
  Small small(ConfigOf(1, 1), 2);
  small.cluster.Advance(kLease);
  small.cluster.Heartbeat(small.worker);
  CHECK(small.cluster.Job().state() == v1::RUNNING);
  small.cluster.Advance(absl::Milliseconds(1));
  CHECK(small.cluster.Job().state() == v1::FAILED);
  CHECK(small.cluster.Job().message().find("s0") != std::string::npos);
  CHECK(small.cluster.Update(small.worker)->state() == v1::FAILED);
}

TEST_CASE("a server that is lost before the job begins is replaced") {
  Cluster cluster(ConfigOf(1, 1), 1);
  cluster.Join(v1::SHARD_HOST, "s0");
  cluster.Advance(kLease + absl::Seconds(1));
  cluster.Join(v1::SHARD_HOST, "s1");
  cluster.Worker("w0");
  CHECK(cluster.Job().state() == v1::RUNNING);
}

TEST_CASE("a broken stream may come back within the lease and goes on") {
  Small small(ConfigOf(1, 1), 2);
  Cluster& cluster = small.cluster;
  const v1::WorkGrant grant = *cluster.Grant(small.worker);
  cluster.Disconnect(small.worker);
  const ConnectionId again = cluster.Join(v1::WORKER, "w0", 1);
  // The grant is repeated under the same lease.
  CHECK(cluster.Grant(again)->lease() == grant.lease());
  v1::MemberMessage done;
  done.set_number(3);
  done.mutable_work_done()->set_lease(grant.lease());
  done.mutable_work_done()->set_records(10);
  cluster.core().OnMessage(again, done, absl::Seconds(100));
  CHECK(cluster.Job().partitions_done() == 1);
}

TEST_CASE("a NoWork that was lost with the stream is repeated for its request") {
  Small small(ConfigOf(1, 1), 1);
  Cluster& cluster = small.cluster;
  REQUIRE(cluster.Grant(small.worker).has_value());
  cluster.Request(small.worker, 5);
  CHECK(cluster.RefusedRequest(small.worker) == 5);
  cluster.Disconnect(small.worker);
  const ConnectionId again = cluster.Join(v1::WORKER, "w0", 1);
  CHECK(cluster.RefusedRequest(again) == 5);
}

TEST_CASE("workers that a restarted coordinator finds wait for the servers to know them") {
  Cluster cluster(ConfigOf(1, 1), 1);
  cluster.Join(v1::SHARD_HOST, "s0");
  cluster.Worker("w0");
  REQUIRE(cluster.Job().state() == v1::RUNNING);
  cluster.Restart();
  const ConnectionId worker = cluster.Join(v1::WORKER, "w0", 1);
  CHECK_FALSE(cluster.Grant(worker).has_value());
  const ConnectionId server = cluster.Join(v1::SHARD_HOST, "s0", 1);
  cluster.Applied(server);
  CHECK(cluster.Grant(worker).has_value());
}

TEST_CASE("a repeated message is handled once") {
  Small small(ConfigOf(1, 1), 3);
  v1::MemberMessage request;
  request.set_number(3);
  request.mutable_work_request();
  REQUIRE(small.cluster.Grant(small.worker).has_value());
  const auto first = small.cluster.core().OnMessage(small.worker, request, absl::Seconds(100));
  const auto second = small.cluster.core().OnMessage(small.worker, request, absl::Seconds(100));
  CHECK(first.size() == 1);
  CHECK(second.empty());
}

TEST_CASE("who may join") {
  Small small(ConfigOf(1, 1), 2);
  Cluster& cluster = small.cluster;
  const auto code = [&](ConnectionId connection) { return cluster.Closed(connection)->code(); };
  CHECK(code(cluster.Join(v1::WORKER, "w0", 2)) == absl::StatusCode::kAlreadyExists);
  // A running job takes servers.
  CHECK_FALSE(cluster.Closed(cluster.Join(v1::SHARD_HOST, "s1")).has_value());
  CHECK(code(cluster.Join(v1::WORKER, "")) == absl::StatusCode::kInvalidArgument);
  CHECK(code(cluster.Join(v1::ROLE_UNSPECIFIED, "x")) == absl::StatusCode::kInvalidArgument);
  cluster.Join(v1::WORKER, "w1");
  cluster.Join(v1::WORKER, "w2");
  CHECK(code(cluster.Join(v1::WORKER, "w3")) == absl::StatusCode::kResourceExhausted);
  cluster.Advance(kLease);
  cluster.Heartbeat(small.server);
  cluster.Advance(absl::Milliseconds(1));
  CHECK(code(cluster.Join(v1::WORKER, "w0", 1)) == absl::StatusCode::kFailedPrecondition);
}

TEST_CASE("a worker that was started again replaces its dead process before the lease ends") {
  Small small(ConfigOf(1, 1), 1);
  Cluster& cluster = small.cluster;
  REQUIRE(cluster.Grant(small.worker).has_value());
  cluster.Disconnect(small.worker);
  const ConnectionId again = cluster.Join(v1::WORKER, "w0", 2);
  CHECK_FALSE(cluster.Closed(again).has_value());
  CHECK(cluster.View(small.server).workers_size() == 1);
  CHECK(cluster.View(small.server).workers(0).incarnation() == 2);
  CHECK(cluster.View(small.server).workers(0).id() == 2);
}

TEST_CASE("a worker that declares other tables is turned away") {
  Small small(ConfigOf(1, 1), 2);
  const ConnectionId other = small.cluster.Join(v1::WORKER, "w1");
  v1::MemberMessage tables;
  tables.mutable_tables()->add_tables()->set_name("other");
  small.cluster.Send(other, tables);
  CHECK(small.cluster.Closed(other)->code() == absl::StatusCode::kFailedPrecondition);
  CHECK(small.cluster.Job().state() == v1::RUNNING);
}

TEST_CASE("a restarted coordinator goes on with the job and loses no completion") {
  Small small(ConfigOf(1, 1, 2), 2);
  Cluster& cluster = small.cluster;
  const v1::WorkGrant first = *cluster.Grant(small.worker);
  cluster.Done(small.worker, first.lease());
  cluster.Request(small.worker);
  const v1::WorkGrant second = *cluster.Grant(small.worker);
  cluster.Restart();
  CHECK(cluster.Job().state() == v1::RUNNING);
  CHECK(cluster.Job().partitions_done() == 1);
  // Nothing is taken from anybody before two leases.
  cluster.Advance(kLease + kLease / 2);
  CHECK(cluster.Job().state() == v1::RUNNING);
  const ConnectionId server = cluster.Join(v1::SHARD_HOST, "s0", 1);
  const ConnectionId worker = cluster.Join(v1::WORKER, "w0", 1);
  CHECK(cluster.View(server).shard_map().epoch() == 1);
  CHECK(cluster.Grant(worker)->lease() == second.lease());
  v1::MemberMessage done;
  done.set_number(100);
  done.mutable_work_done()->set_lease(second.lease());
  done.mutable_work_done()->set_records(10);
  cluster.core().OnMessage(worker, done, absl::Seconds(110));
  CHECK(cluster.Job().partitions_done() == 2);
}

TEST_CASE("status names who waits for whom") {
  Cluster cluster(ConfigOf(1, 2), 4);
  const ConnectionId server = cluster.Join(v1::SHARD_HOST, "s0");
  cluster.Worker("w0");
  cluster.Worker("w1");
  cluster.Applied(server);
  v1::MemberMessage heartbeat;
  v1::ServerReport& report = *heartbeat.mutable_heartbeat()->mutable_server();
  v1::WaitingPull& pull = *report.add_waiting();
  pull.set_client(1);
  pull.set_clock(41);
  pull.set_waits_for_client(2);
  pull.set_waits_for_clock(36);
  report.add_tables()->set_rows(123);
  cluster.core().OnMessage(server, heartbeat, absl::Seconds(100));
  const v1::ClusterStatus status = cluster.Status();
  REQUIRE(status.waiting_size() == 1);
  CHECK(status.waiting(0) == "w0 at clock 41 waits for w1 at clock 36, table weights");
  CHECK(status.tables(0).rows() == 123);
  CHECK(status.servers(0).shards() == 8);
}

TEST_CASE("status adds up the staleness that the servers saw") {
  Cluster cluster(ConfigOf(2, 1), 4);
  const ConnectionId servers[] = {cluster.Join(v1::SHARD_HOST, "s0"),
                                  cluster.Join(v1::SHARD_HOST, "s1")};
  cluster.Worker("w0");
  for (const ConnectionId server : servers) cluster.Applied(server);
  uint64_t count = 1;
  for (const ConnectionId server : servers) {
    v1::MemberMessage heartbeat;
    v1::TableReport& table = *heartbeat.mutable_heartbeat()->mutable_server()->add_tables();
    table.add_push_staleness(count++);
    table.add_pull_staleness(0);
    if (server == servers[1]) table.add_pull_staleness(5);
    cluster.core().OnMessage(server, heartbeat, absl::Seconds(100));
  }
  const v1::TableStatus table = cluster.Status().tables(0);
  REQUIRE(table.push_staleness_size() == 1);
  CHECK(table.push_staleness(0) == 3);
  REQUIRE(table.pull_staleness_size() == 2);
  CHECK(table.pull_staleness(0) == 0);
  CHECK(table.pull_staleness(1) == 5);
}

}  // namespace
}  // namespace paramd
