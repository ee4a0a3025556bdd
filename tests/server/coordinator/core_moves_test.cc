// Shards that move while a job runs, and members that are drained.

#include <algorithm>
#include <string>
#include <vector>

#include "tests/server/coordinator/core_cluster.h"

namespace paramd {
namespace {

// Servers s0, s1, ... and workers that train.
struct Moving {
  explicit Moving(uint32_t servers, uint32_t replication = 2, uint32_t workers = 1)
      : cluster(With(servers, replication, workers), 6) {
    for (uint32_t i = 0; i < servers; ++i) {
      hosts.push_back(cluster.Join(v1::SHARD_HOST, absl::StrCat("s", i)));
    }
    for (uint32_t i = 0; i < workers; ++i) {
      this->workers.push_back(cluster.Worker(absl::StrCat("w", i)));
    }
    ApplyAll();
    for (const ConnectionId worker : this->workers) REQUIRE(cluster.Grant(worker).has_value());
  }

  static v1::Config With(uint32_t servers, uint32_t replication, uint32_t workers) {
    v1::Config config = ConfigOf(servers, workers);
    config.mutable_cluster()->mutable_workers()->set_min(1);
    config.mutable_cluster()->set_servers(servers);
    config.mutable_sharding()->set_replication(replication);
    return config;
  }

  const v1::ShardMap& map() { return cluster.View(workers[0]).shard_map(); }
  const v1::TablePlacement& table() { return map().tables(0); }

  void ApplyAll() {
    for (const ConnectionId host : hosts) {
      if (!cluster.Update(host).has_value()) cluster.Applied(host);
    }
  }
  // Time passes, and members live on.
  void Tick() {
    cluster.Advance(absl::Milliseconds(10));
    ApplyAll();
  }
  ConnectionId HostOf(uint32_t id) { return hosts[id - 1]; }

  // The primaries say that all backups are filled.
  void FillAll() {
    const v1::TablePlacement now = table();
    for (int i = 0; i < now.shard_servers_size(); ++i) {
      for (const v1::ShardBackup& backup : now.backups(i).backups()) {
        if (backup.filled()) continue;
        v1::MemberMessage filled;
        v1::ShardReplica& shard = *filled.mutable_replicas_filled()->add_shards();
        shard.set_shard(static_cast<uint32_t>(i));
        shard.set_server(backup.server());
        shard.set_since(backup.since());
        cluster.Send(HostOf(now.shard_servers(i)), filled);
      }
    }
    Tick();
  }
  // They let go what moves.
  void ReleaseAll() {
    const v1::TablePlacement now = table();
    for (const v1::ShardReplica& move : now.moves()) {
      v1::MemberMessage released;
      *released.mutable_shards_released()->add_shards() = move;
      cluster.Send(HostOf(now.shard_servers(static_cast<int>(move.shard()))), released);
    }
    Tick();
  }
  // Everything that moves arrives.
  void Settle() {
    for (int i = 0; i < 20; ++i) {
      FillAll();
      ReleaseAll();
      Tick();
    }
  }

  absl::StatusOr<v1::DrainReply> Drain(v1::Role role, const std::string& name) {
    v1::DrainRequest request;
    request.set_role(role);
    request.set_name(name);
    return cluster.Drain(request);
  }

  int Primaries(uint32_t server) {
    const auto& servers = table().shard_servers();
    return static_cast<int>(std::count(servers.begin(), servers.end(), server));
  }

  Cluster cluster;
  std::vector<ConnectionId> hosts;
  std::vector<ConnectionId> workers;
};

TEST_CASE("a server that comes is filled with shards, and then is their primary") {
  for (const uint32_t replication : {1, 2}) {
    Moving moving(2, replication);
    const uint64_t epoch = moving.map().epoch();
    moving.hosts.push_back(moving.cluster.Join(v1::SHARD_HOST, "s2"));
    moving.Tick();
    const int moves = moving.table().moves_size();
    CHECK(moves > 0);
    CHECK(moving.map().epoch() > epoch);
    // Until it has everything nothing else changes.
    const v1::ShardReplica move = moving.table().moves(0);
    const auto shard = static_cast<int>(move.shard());
    CHECK(move.server() == 3);
    CHECK(moving.table().shard_servers(shard) != 3);
    const int copies = moving.table().backups(shard).backups_size();
    CHECK(copies == static_cast<int>(replication));
    CHECK_FALSE(moving.table().backups(shard).backups(copies - 1).filled());
    moving.ReleaseAll();
    CHECK(moving.Primaries(3) == 0);
    moving.FillAll();
    CHECK(moving.table().moves_size() == moves);
    const uint32_t from = moving.table().shard_servers(shard);
    v1::MemberMessage released;
    *released.mutable_shards_released()->add_shards() = move;
    moving.cluster.Send(moving.HostOf(from), released);
    CHECK(moving.table().shard_servers(shard) == 3);
    // Who had it is its backup, until the other one serves it.
    bool kept = false;
    for (const auto& backup : moving.table().backups(shard).backups()) {
      kept |= backup.server() == from && backup.filled();
    }
    CHECK(kept);
    // It is heard of once.
    const uint64_t then = moving.map().epoch();
    moving.cluster.Send(moving.HostOf(from), released);
    CHECK(moving.map().epoch() == then);
    moving.Settle();
    CHECK(moving.Primaries(3) >= 2);
    CHECK(moving.table().moves().empty());
    for (int i = 0; i < 8; ++i) {
      CHECK(moving.table().backups(i).backups_size() == static_cast<int>(replication) - 1);
    }
    CHECK(moving.cluster.Status().problems().empty());
  }
}

TEST_CASE("a move is forgotten when the server that it goes to dies") {
  Moving moving(2);
  moving.hosts.push_back(moving.cluster.Join(v1::SHARD_HOST, "s2"));
  moving.Tick();
  moving.FillAll();
  REQUIRE(moving.table().moves_size() > 0);
  const v1::TablePlacement before = moving.table();
  moving.cluster.Disconnect(moving.hosts[2]);
  moving.cluster.Join(v1::SHARD_HOST, "s2", 7);
  // The new process of that name is another server.
  for (int i = 0; i < 8; ++i) CHECK(moving.table().shard_servers(i) == before.shard_servers(i));
  CHECK(moving.table().moves().empty());
  v1::MemberMessage released;
  *released.mutable_shards_released()->add_shards() = before.moves(0);
  const auto from = before.shard_servers(static_cast<int>(before.moves(0).shard()));
  moving.cluster.Send(moving.HostOf(from), released);
  CHECK(moving.table().shard_servers(static_cast<int>(before.moves(0).shard())) == from);
}

TEST_CASE("when the server that lets a shard go dies, a filled backup takes over as ever") {
  Moving moving(2, 1);
  moving.hosts.push_back(moving.cluster.Join(v1::SHARD_HOST, "s2"));
  moving.Tick();
  moving.FillAll();
  const v1::TablePlacement before = moving.table();
  REQUIRE(before.moves_size() == 2);
  const auto shard = static_cast<int>(before.moves(0).shard());
  const uint32_t from = before.shard_servers(shard);
  // All that only this one has moves; so its other shards are lost and the job with them.
  moving.cluster.Disconnect(moving.HostOf(from));
  moving.cluster.Join(v1::SHARD_HOST, absl::StrCat("s", from - 1), 7);
  CHECK(moving.cluster.Job().state() == v1::FAILED);
  CHECK(moving.cluster.Job().message().find("parameters of 3 shards") != std::string::npos);
}

TEST_CASE("a server is drained: its shards go, and then it") {
  for (const uint32_t replication : {1, 2}) {
    Moving moving(3, replication);
    const absl::StatusOr<v1::DrainReply> drained = moving.Drain(v1::SHARD_HOST, "s0");
    REQUIRE(drained.ok());
    CHECK(drained->shards() > 0);
    CHECK(moving.cluster.Status().servers(0).draining());
    // It is stored, and so are its moves.
    moving.Tick();
    CHECK(moving.cluster.core().State().members(0).draining());
    CHECK(moving.cluster.core().State().shard_map().tables(0).moves_size() > 0);
    moving.Settle();
    CHECK(moving.Primaries(1) == 0);
    CHECK(moving.map().servers_size() == 2);
    for (int i = 0; i < 8; ++i) {
      REQUIRE(moving.table().backups(i).backups_size() == static_cast<int>(replication) - 1);
      if (replication == 1) continue;
      CHECK(moving.table().backups(i).backups(0).filled());
      CHECK(moving.table().backups(i).backups(0).server() != 1);
    }
    REQUIRE(moving.cluster.Update(moving.hosts[0]).has_value());
    CHECK(moving.cluster.Update(moving.hosts[0])->state() == v1::RUNNING);
    CHECK(moving.cluster.Update(moving.hosts[0])->exit_code() == 0);
    CHECK(moving.cluster.Closed(moving.hosts[0])->ok());
    CHECK(moving.cluster.Job().state() == v1::RUNNING);
    CHECK(moving.cluster.Status().servers(0).state() == v1::MemberStatus::LEFT);
    CHECK(moving.cluster.Status().problems().empty());
  }
}

TEST_CASE("of two servers one may go, and the last one may not") {
  Moving moving(2);
  CHECK(moving.Drain(v1::SHARD_HOST, "s7").status().code() == absl::StatusCode::kNotFound);
  REQUIRE(moving.Drain(v1::SHARD_HOST, "s1").ok());
  const absl::Status last = moving.Drain(v1::SHARD_HOST, "s0").status();
  CHECK(last.code() == absl::StatusCode::kFailedPrecondition);
  CHECK(last.message().find("server s0 (s0:1) cannot be drained") != std::string::npos);
  moving.Settle();
  CHECK(moving.Primaries(1) == 8);
  CHECK(moving.map().servers_size() == 1);
  CHECK(moving.cluster.Job().state() == v1::RUNNING);
  CHECK(moving.cluster.Status().shards_without_backup() == 8);
}

TEST_CASE("a drained server that dies leaves its backups behind, as ever") {
  Moving moving(3);
  REQUIRE(moving.Drain(v1::SHARD_HOST, "s0").ok());
  moving.Tick();
  moving.FillAll();
  moving.cluster.Disconnect(moving.hosts[0]);
  moving.cluster.Advance(kLease + absl::Seconds(1));
  CHECK(moving.Primaries(1) == 0);
}

TEST_CASE("a worker that is drained ends what it has, and gets no more") {
  Moving moving(1, 1, 2);
  REQUIRE(moving.Drain(v1::WORKER, "w1").ok());
  moving.cluster.Request(moving.workers[1]);
  CHECK(moving.cluster.NoWork(moving.workers[1]) == 1);
  CHECK_FALSE(moving.cluster.Update(moving.workers[1]).has_value());
  moving.cluster.Idle(moving.workers[1]);
  REQUIRE(moving.cluster.Update(moving.workers[1]).has_value());
  CHECK(moving.cluster.Update(moving.workers[1])->exit_code() == 0);
  CHECK(moving.cluster.Status().workers(1).state() == v1::MemberStatus::LEFT);
  const absl::Status few = moving.Drain(v1::WORKER, "w0").status();
  CHECK(few.code() == absl::StatusCode::kFailedPrecondition);
  CHECK(few.message().find("cluster.workers wants 1") != std::string::npos);
}

}  // namespace
}  // namespace paramd
