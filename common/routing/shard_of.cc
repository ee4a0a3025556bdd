#include "common/routing/shard_of.h"

#include <algorithm>

#include "common/routing/hash_keys.h"

namespace paramd {

uint32_t ShardOfKey(uint64_t key, uint32_t shards) { return ShardOfHash(HashKey(key), shards); }

RowRange RowsOfShard(uint64_t rows, uint32_t shards, uint32_t shard) {
  const auto cut = [&](uint64_t part) {
    return static_cast<uint64_t>(static_cast<unsigned __int128>(rows) * part / shards);
  };
  return {.begin = cut(shard), .end = cut(uint64_t{shard} + 1)};
}

uint32_t DenseShardCount(uint64_t rows, uint32_t wanted) {
  return static_cast<uint32_t>(std::clamp<uint64_t>(rows, 1, std::max(wanted, 1u)));
}

}  // namespace paramd
