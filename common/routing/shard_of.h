#pragma once

#include <cstdint>

namespace paramd {

// Shard of a sparse key among `shards` (> 0): the top bits of XXH3-64 of the key's 8 little-endian
// bytes, scaled to [0, shards). Part of the wire contract: every client and server of every version
// must agree.
uint32_t ShardOfKey(uint64_t key, uint32_t shards);

// The same from the key's hash (HashKey).
inline uint32_t ShardOfHash(uint64_t hash, uint32_t shards) {
  return static_cast<uint32_t>((static_cast<unsigned __int128>(hash) * shards) >> 64);
}

// Rows [begin, end) of a dense table.
struct RowRange {
  uint64_t begin = 0;
  uint64_t end = 0;

  friend bool operator==(const RowRange&, const RowRange&) = default;
};

// Rows of shard `shard` when `rows` rows are cut into `shards` parts whose sizes differ by at most
// one.
RowRange RowsOfShard(uint64_t rows, uint32_t shards, uint32_t shard);

// Shards of a dense table of `rows` rows: at most `wanted`, at most one a row, at least one.
uint32_t DenseShardCount(uint64_t rows, uint32_t wanted);

}  // namespace paramd
