#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "paramd/v1/coordinator.pb.h"

namespace paramd {

// Decisions about which servers hold a shard besides its primary. Pure functions of the shard map;
// they leave its epoch as it is.

// A live shard host.
struct ServerPlace {
  uint32_t id = 0;
  std::string zone;  // where it fails together with others
  std::string name;
  bool draining = false;  // it is to leave: nothing comes to it
};

// Gives every shard that has none a backup, or only on a server that is to leave: a server other
// than its primary, in another zone when there is one, and of these one that holds the fewest
// shards. `filled`: primaries and backups begin alike. With fewer than two servers nothing is
// changed. Returns whether anything was.
bool PlaceBackups(absl::Span<const ServerPlace> servers, bool filled, v1::ShardMap* map);

// Drops backups beyond `count` of a shard that does not move: those on servers that are to leave
// first, then those in the primary's zone, then later ones, as long as `count` filled ones on other
// servers are left; and those on servers that are to leave when there is no other server. Returns
// whether there were any.
bool DropSpareBackups(absl::Span<const ServerPlace> servers, uint32_t count, v1::ShardMap* map);

// The shard is to go to server `to`, which becomes a backup unless it is one.
void BeginMove(uint32_t table, uint32_t shard, uint32_t to, v1::ShardMap* map);

// Server `from` has let the shard go to the backup that is named: that is the primary now, and
// `from` a backup that has everything. False: that is not how the map is (any more).
bool EndMove(uint32_t from, const v1::ShardReplica& released, v1::ShardMap* map);

// Whether the server holds shards, as primary or backup.
bool HoldsShards(uint32_t server, const v1::ShardMap& map);

// The server is gone: it is a backup no longer, its moves are forgotten, and the first filled
// backup of each of its shards becomes the primary. Returns how many shards nobody holds any more;
// their primary stays as it was.
uint32_t RemoveServer(uint32_t server, v1::ShardMap* map);

// Server `back` is the one that was lost as `lost`, started again, with these shards on its disk:
// it is their primary again.
void TakeBack(uint32_t lost, uint32_t back, const v1::HeldLog& held, v1::ShardMap* map);

// The primary says that the backup has all. False: that is not how the map is (any more).
bool MarkFilled(uint32_t primary, const v1::ShardReplica& replica, v1::ShardMap* map);

struct BackupCounts {
  uint32_t none = 0;     // shards without a backup
  uint32_t filling = 0;  // whose backup is not filled
};
BackupCounts CountBackups(const v1::ShardMap& map);

}  // namespace paramd
