#include "common/routing/shard_of.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>

namespace paramd {

static_assert(std::endian::native == std::endian::little, "keys are hashed and sent as they are");

uint32_t ShardOfKey(uint64_t key, uint32_t shards) {
  const uint64_t hash = XXH3_64bits(&key, sizeof(key));
  return static_cast<uint32_t>((static_cast<unsigned __int128>(hash) * shards) >> 64);
}

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
