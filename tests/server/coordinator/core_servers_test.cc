// Shard hosts that come and go while a job runs.

#include <set>
#include <string>
#include <vector>

#include "tests/server/coordinator/core_cluster.h"

namespace paramd {
namespace {

// Servers s0, s1, ... and a worker that trains.
struct Running {
  explicit Running(uint32_t servers, bool log = false) : cluster(With(servers, log), 3) {
    for (uint32_t i = 0; i < servers; ++i) {
      hosts.push_back(cluster.Join(v1::SHARD_HOST, absl::StrCat("s", i)));
    }
    worker = cluster.Worker("w0");
    for (const ConnectionId host : hosts) cluster.Applied(host);
    REQUIRE(cluster.Grant(worker).has_value());
  }

  static v1::Config With(uint32_t servers, bool log) {
    v1::Config config = ConfigOf(servers, 1);
    if (log) config.mutable_log()->set_dir("log");
    return config;
  }

  // Time passes, and all but `silent` say that they live.
  void LoseByTime(ConnectionId silent) {
    for (int i = 0; i < 4; ++i) {
      cluster.Advance(kLease / 3);
      for (const ConnectionId host : hosts) {
        if (host != silent) cluster.Heartbeat(host);
      }
      cluster.Heartbeat(worker);
    }
  }

  const v1::ShardMap& map() { return cluster.View(worker).shard_map(); }

  Cluster cluster;
  std::vector<ConnectionId> hosts;
  ConnectionId worker = 0;
};

TEST_CASE("with two servers and more every shard has a backup from the beginning") {
  Running running(3);
  const v1::ShardMap& map = running.map();
  CHECK(map.epoch() == 1);
  CHECK(map.job() != 0);
  for (int i = 0; i < 8; ++i) {
    REQUIRE(map.tables(0).backups(i).backups_size() == 1);
    CHECK(map.tables(0).backups(i).backups(0).filled());
    CHECK(map.tables(0).backups(i).backups(0).server() != map.tables(0).shard_servers(i));
  }
  CHECK(running.cluster.Status().problems().empty());
  CHECK(Running(1).map().tables(0).backups().empty());
}

TEST_CASE("the backups of a lost server take over, under a new epoch") {
  Running running(3);
  running.LoseByTime(running.hosts[1]);
  CHECK(running.cluster.Job().state() == v1::RUNNING);
  const v1::ShardMap& map = running.map();
  CHECK(map.epoch() == 2);
  CHECK(map.servers_size() == 2);
  for (int i = 0; i < 8; ++i) CHECK(map.tables(0).shard_servers(i) != 2);
  const v1::ClusterStatus status = running.cluster.Status();
  CHECK(status.shards_without_backup() == 0);
  CHECK(status.shards_filling() > 0);
  // As the primaries say so, they are filled; others hear of it soon.
  for (int i = 0; i < 8; ++i) {
    const v1::ShardBackup& backup = map.tables(0).backups(i).backups(0);
    if (backup.filled()) continue;
    v1::MemberMessage filled;
    v1::ShardReplica& shard = *filled.mutable_replicas_filled()->add_shards();
    shard.set_shard(static_cast<uint32_t>(i));
    shard.set_server(backup.server());
    shard.set_since(backup.since());
    running.cluster.Send(running.hosts[map.tables(0).shard_servers(i) - 1], filled);
  }
  CHECK(running.cluster.Status().shards_filling() == 0);
  running.cluster.Advance(absl::Milliseconds(10));
  for (int i = 0; i < 8; ++i) CHECK(running.map().tables(0).backups(i).backups(0).filled());
  CHECK(running.map().epoch() == 2);
}

TEST_CASE("a shard that nobody holds any more ends the job") {
  Running running(2);
  running.LoseByTime(running.hosts[0]);
  CHECK(running.cluster.Job().state() == v1::RUNNING);
  CHECK(running.cluster.Status().shards_without_backup() == 8);
  running.LoseByTime(running.hosts[1]);
  CHECK(running.cluster.Job().state() == v1::FAILED);
  CHECK(running.cluster.Job().message().find("server s1") != std::string::npos);
}

TEST_CASE("what a server says of its disk is in status, as long as it lives") {
  Running running(2);
  v1::MemberMessage message;
  message.mutable_heartbeat()->mutable_server()->add_problems("the disk is full");
  running.cluster.Say(running.hosts[0], message);
  REQUIRE(running.cluster.Status().problems_size() == 1);
  CHECK(running.cluster.Status().problems(0) == "server s0 (s0:1): the disk is full");
  running.LoseByTime(running.hosts[0]);
  const v1::ClusterStatus status = running.cluster.Status();
  for (const std::string& problem : status.problems()) {
    CHECK(problem.find("full") == std::string::npos);
  }
}

TEST_CASE("a server that joins a running job gets the backups that are missing") {
  Running running(2);
  running.LoseByTime(running.hosts[0]);
  const uint64_t epoch = running.map().epoch();
  // By its old name, or another.
  running.hosts[0] = running.cluster.Join(v1::SHARD_HOST, "s0", 2);
  const v1::ShardMap& map = running.map();
  CHECK(map.epoch() == epoch + 1);
  for (int i = 0; i < 8; ++i) {
    REQUIRE(map.tables(0).backups(i).backups_size() == 1);
    CHECK(map.tables(0).backups(i).backups(0).server() == 3);
    CHECK_FALSE(map.tables(0).backups(i).backups(0).filled());
  }
}

TEST_CASE("a server that is started again before its lease is over is in every map that names it") {
  Running running(3);
  std::vector<v1::ClusterView> views;
  running.cluster.on_view = [&](const v1::ClusterView& view) { views.push_back(view); };
  running.cluster.Disconnect(running.hosts[0]);
  running.hosts[0] = running.cluster.Join(v1::SHARD_HOST, "s0", 2);
  REQUIRE_FALSE(views.empty());
  for (const v1::ClusterView& view : views) {
    std::set<uint32_t> servers;
    for (const v1::ServerMember& server : view.shard_map().servers()) servers.insert(server.id());
    const v1::TablePlacement& table = view.shard_map().tables(0);
    for (int i = 0; i < 8; ++i) {
      CHECK(servers.contains(table.shard_servers(i)));
      for (const v1::ShardBackup& backup : table.backups(i).backups()) {
        CHECK(servers.contains(backup.server()));
      }
    }
  }
  CHECK(running.map().servers_size() == 3);
  // Those that it had are on the others; it may be given some.
  for (int i = 0; i < 8; ++i) {
    const v1::ShardBackup& backup = running.map().tables(0).backups(i).backups(0);
    if (backup.server() == 4) CHECK_FALSE(backup.filled());
  }
}

TEST_CASE("with a log a server is waited for, and gets back what is on its disk") {
  Running running(1, true);
  const uint64_t job = running.map().job();
  running.LoseByTime(running.hosts[0]);
  CHECK(running.cluster.Job().state() == v1::RUNNING);
  CHECK(running.map().lost_servers_size() == 1);
  CHECK(running.cluster.Status().problems(1).find("--name s0") != std::string::npos);
  const auto say = [&](ConnectionId connection, uint64_t of_job) {
    v1::MemberMessage message;
    message.mutable_held_log()->set_job(of_job);
    for (uint32_t i = 0; i < 8; ++i) message.mutable_held_log()->add_shards()->set_shard(i);
    running.cluster.Send(connection, message);
  };
  // Another server's disk, and another job, are none.
  say(running.cluster.Join(v1::SHARD_HOST, "other"), job);
  const ConnectionId back = running.cluster.Join(v1::SHARD_HOST, "s0", 2);
  say(back, job + 2);
  CHECK(running.map().lost_servers_size() == 1);
  running.cluster.Restart();
  running.cluster.Join(v1::WORKER, "w0", 1);
  const ConnectionId again = running.cluster.Join(v1::SHARD_HOST, "s0", 2);
  say(again, job);
  const v1::ShardMap& map = running.cluster.View(again).shard_map();
  CHECK(map.lost_servers().empty());
  for (int i = 0; i < 8; ++i) CHECK(map.tables(0).shard_servers(i) == 3);
}

TEST_CASE("who dies before it serves what it was to take over gives it back") {
  Running running(2, true);
  const v1::ShardMap before = running.map();
  running.LoseByTime(running.hosts[0]);
  // It has not said that it applied the view.
  running.LoseByTime(running.hosts[1]);
  CHECK(running.map().lost_servers_size() == 2);
  for (int i = 0; i < 8; ++i) {
    CHECK(running.map().tables(0).shard_servers(i) == before.tables(0).shard_servers(i));
  }
}

}  // namespace
}  // namespace paramd
