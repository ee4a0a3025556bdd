// When the coordinator has checkpoints written, and what becomes of one when members come and go.

#include <vector>

#include "tests/server/coordinator/core_cluster.h"

namespace paramd {
namespace {

using Numbers = std::vector<uint64_t>;

// Two servers and a worker that trains; a checkpoint is being written.
struct Writing {
  Writing() : cluster(Config(), 3) {
    for (ConnectionId& server : servers) server = cluster.Join(v1::SHARD_HOST, Name(&server));
    worker = cluster.Worker("w0");
    for (const ConnectionId server : servers) cluster.Applied(server);
    cluster.Attached(worker);
    for (int i = 0; i < 5; ++i) {
      cluster.Advance(absl::Seconds(2));
      for (const ConnectionId server : servers) cluster.Heartbeat(server);
      cluster.Heartbeat(worker);
    }
    REQUIRE(cluster.checkpoints_begun() == 1);
    cluster.CheckpointBegun(7);
  }

  static v1::Config Config() {
    v1::Config config = ConfigOf(2, 1);
    config.mutable_checkpoint()->set_dir("checkpoints");
    config.mutable_checkpoint()->mutable_every()->set_seconds(10);
    config.mutable_checkpoint()->set_full_every(8);
    return config;
  }
  std::string Name(const ConnectionId* server) const { return absl::StrCat("s", server - servers); }

  // The server says that it has written its shards.
  void Written(size_t server, uint64_t number) {
    v1::MemberMessage message;
    v1::CheckpointWritten& written = *message.mutable_checkpoint_written();
    written.set_number(number);
    const v1::TablePlacement& table = cluster.View(worker).shard_map().tables(0);
    v1::CheckpointFile& file = *written.add_files();
    file.set_name(absl::StrCat("file-", server));
    for (int shard = 0; shard < table.shard_servers_size(); ++shard) {
      if (table.shard_servers(shard) == server + 1) {
        file.add_shards()->set_shard(static_cast<uint32_t>(shard));
      }
    }
    cluster.Send(servers[server], message);
  }
  void HearOfPositions() {
    for (int i = 0; i < 2; ++i) cluster.Heartbeat(worker);
    cluster.Advance(absl::ZeroDuration());
  }

  Cluster cluster;
  ConnectionId servers[2] = {};
  ConnectionId worker = 0;
};

TEST_CASE("a checkpoint is made when all servers have written and positions are known") {
  Writing writing;
  for (const ConnectionId server : writing.servers) {
    CHECK(writing.cluster.Writes(server) == Numbers{7});
  }
  writing.Written(0, 7);
  writing.HearOfPositions();
  CHECK(writing.cluster.committed().empty());
  writing.Written(1, 7);
  writing.HearOfPositions();
  CHECK(writing.cluster.committed() == Numbers{7});
  CHECK(writing.cluster.abandoned().empty());
}

TEST_CASE("a server that was away may not have heard of it, and all begin again") {
  Writing writing;
  writing.Written(0, 7);
  writing.cluster.Disconnect(writing.servers[1]);
  writing.servers[1] = writing.cluster.Join(v1::SHARD_HOST, "s1");
  writing.cluster.Advance(absl::Milliseconds(1));
  CHECK(writing.cluster.abandoned() == Numbers{7});
  REQUIRE(writing.cluster.checkpoints_begun() == 2);
  writing.cluster.CheckpointBegun(8);
  CHECK(writing.cluster.Writes(writing.servers[0]) == Numbers{7, 8});
  CHECK(writing.cluster.Writes(writing.servers[1]) == Numbers{8});
  // It had heard of it after all.
  writing.Written(1, 7);
  writing.Written(0, 8);
  writing.HearOfPositions();
  CHECK(writing.cluster.committed().empty());
  writing.Written(1, 8);
  writing.HearOfPositions();
  CHECK(writing.cluster.committed() == Numbers{8});
}

TEST_CASE("who was away after it had written is not asked again") {
  Writing writing;
  writing.Written(1, 7);
  writing.cluster.Disconnect(writing.servers[1]);
  writing.servers[1] = writing.cluster.Join(v1::SHARD_HOST, "s1");
  writing.Written(0, 7);
  writing.HearOfPositions();
  CHECK(writing.cluster.abandoned().empty());
  CHECK(writing.cluster.committed() == Numbers{7});
}

}  // namespace
}  // namespace paramd
