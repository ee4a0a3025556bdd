#include "server/coordinator/replica_planner.h"

#include <catch2/catch.hpp>
#include <map>
#include <string>
#include <vector>

namespace paramd {
namespace {

// Two tables of `shards` shards, on the servers in turn.
v1::ShardMap MapOf(const std::vector<uint32_t>& servers, int shards) {
  v1::ShardMap map;
  for (const uint32_t server : servers) map.add_servers()->set_id(server);
  for (int table = 0; table < 2; ++table) {
    v1::TablePlacement& placement = *map.add_tables();
    for (int i = 0; i < shards; ++i) {
      placement.add_shard_servers(servers[static_cast<size_t>(i) % servers.size()]);
    }
  }
  return map;
}

std::map<uint32_t, int> BackupsOf(const v1::ShardMap& map) {
  std::map<uint32_t, int> counts;
  for (const v1::TablePlacement& table : map.tables()) {
    for (const v1::ShardBackups& shard : table.backups()) {
      REQUIRE(shard.backups_size() == 1);
      ++counts[shard.backups(0).server()];
    }
  }
  return counts;
}

TEST_CASE("a backup is on another server, in another zone when there is one") {
  v1::ShardMap map = MapOf({1, 2, 3, 4}, 8);
  const std::vector<ServerPlace> places = {{1, "a"}, {2, "a"}, {3, "b"}, {4, "b"}};
  CHECK(PlaceBackups(places, true, &map));
  for (const v1::TablePlacement& table : map.tables()) {
    for (int i = 0; i < 8; ++i) {
      const bool first_zone = table.shard_servers(i) <= 2;
      CHECK((table.backups(i).backups(0).server() > 2) == first_zone);
      CHECK(table.backups(i).backups(0).filled());
    }
  }
  CHECK(BackupsOf(map) == std::map<uint32_t, int>{{1, 4}, {2, 4}, {3, 4}, {4, 4}});
  CHECK_FALSE(PlaceBackups(places, true, &map));
}

TEST_CASE("with one zone any other server will do, and with one server there is none") {
  v1::ShardMap map = MapOf({1, 2, 3}, 6);
  CHECK(PlaceBackups(std::vector<ServerPlace>{{1, ""}, {2, ""}, {3, ""}}, true, &map));
  CHECK(BackupsOf(map) == std::map<uint32_t, int>{{1, 4}, {2, 4}, {3, 4}});
  v1::ShardMap alone = MapOf({1}, 4);
  CHECK_FALSE(PlaceBackups(std::vector<ServerPlace>{{1, "a"}}, true, &alone));
  CHECK(CountBackups(alone).none == 8);
}

TEST_CASE("filled backups take over from a server that is gone, and nothing else is touched") {
  v1::ShardMap map = MapOf({1, 2, 3}, 6);
  const std::vector<ServerPlace> places = {{1, "a"}, {2, "b"}, {3, "c"}};
  PlaceBackups(places, true, &map);
  const v1::ShardMap before = map;
  CHECK(RemoveServer(2, &map) == 0);
  CHECK(map.servers_size() == 2);
  for (int table = 0; table < 2; ++table) {
    for (int i = 0; i < 6; ++i) {
      const v1::TablePlacement& then = before.tables(table);
      const v1::TablePlacement& now = map.tables(table);
      const uint32_t backup = then.backups(i).backups(0).server();
      if (then.shard_servers(i) == 2) {
        CHECK(now.shard_servers(i) == backup);
        CHECK(now.backups(i).backups().empty());
      } else {
        CHECK(now.shard_servers(i) == then.shard_servers(i));
        CHECK(now.backups(i).backups_size() == (backup == 2 ? 0 : 1));
      }
    }
  }
  // The new backups are not like their primaries yet.
  CHECK(PlaceBackups(std::vector<ServerPlace>{{1, "a"}, {3, "c"}}, false, &map));
  CHECK(CountBackups(map).none == 0);
  const uint32_t filling = CountBackups(map).filling;
  CHECK(filling > 0);
  CHECK(RemoveServer(3, &map) > 0);
}

TEST_CASE("what the primary says of its backup counts once, and only of the primary") {
  v1::ShardMap map = MapOf({1, 2}, 2);
  PlaceBackups(std::vector<ServerPlace>{{1, "a"}, {2, "b"}}, false, &map);
  v1::ShardReplica replica;
  replica.set_server(2);
  // Of the same server when it was a backup before: it was dropped meanwhile.
  CHECK_FALSE(MarkFilled(1, replica, &map));
  replica.set_since(map.epoch() + 1);
  CHECK_FALSE(MarkFilled(2, replica, &map));
  CHECK(MarkFilled(1, replica, &map));
  CHECK_FALSE(MarkFilled(1, replica, &map));
  CHECK(map.tables(0).backups(0).backups(0).filled());
  CHECK(CountBackups(map).filling == 3);
  replica.set_shard(2);
  CHECK_FALSE(MarkFilled(1, replica, &map));
  replica.set_table(2);
  CHECK_FALSE(MarkFilled(1, replica, &map));
}

TEST_CASE("a server that comes back with its disk has what is on it") {
  v1::ShardMap map = MapOf({1, 2}, 2);
  map.add_lost_servers(2);
  v1::HeldLog held;
  held.add_shards()->set_shard(1);
  held.add_shards()->set_table(7);
  TakeBack(2, 3, held, &map);
  CHECK(map.tables(0).shard_servers(1) == 3);
  // Another shard is missing still.
  CHECK(map.tables(1).shard_servers(1) == 2);
  CHECK(map.lost_servers_size() == 1);
  held.mutable_shards(1)->set_table(1);
  held.mutable_shards(1)->set_shard(1);
  TakeBack(2, 3, held, &map);
  CHECK(map.tables(1).shard_servers(1) == 3);
  CHECK(map.lost_servers().empty());
  CHECK(map.servers_size() == 1);
}

}  // namespace
}  // namespace paramd
