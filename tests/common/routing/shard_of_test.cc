#include "common/routing/shard_of.h"

#include <xxhash.h>

#include <catch2/catch.hpp>
#include <vector>

namespace paramd {
namespace {

TEST_CASE("a key's shard is the top bits of its hash, for any power of two") {
  for (uint64_t key = 0; key < 1000; ++key) {
    CHECK(ShardOfKey(key, 64) == XXH3_64bits(&key, 8) >> 58);
    CHECK(ShardOfKey(key, 1) == 0);
  }
}

TEST_CASE("the wire contract: shards of some keys") {
  // Changing these breaks every deployed client. From `xxhsum -H3` of the keys' 8 bytes.
  CHECK(ShardOfKey(0, 64) == 49);
  CHECK(ShardOfKey(1, 64) == 11);
  CHECK(ShardOfKey(123456789, 1000) == 152);
}

TEST_CASE("keys spread evenly") {
  for (const uint32_t shards : {3u, 64u, 100u}) {
    std::vector<int> counts(shards, 0);
    const int keys = 10000 * static_cast<int>(shards);
    for (int key = 0; key < keys; ++key) ++counts[ShardOfKey(static_cast<uint64_t>(key), shards)];
    // Six standard deviations of a binomial count with mean 10000.
    for (const int count : counts) CHECK(std::abs(count - 10000) < 600);
  }
}

TEST_CASE("rows of dense shards cover the table in order, in equal parts") {
  for (const uint64_t rows : {1ull, 5ull, 64ull, 1000ull, 1ull << 40}) {
    for (const uint32_t wanted : {1u, 3u, 64u}) {
      const uint32_t shards = DenseShardCount(rows, wanted);
      CHECK(shards >= 1);
      CHECK(shards <= wanted);
      uint64_t at = 0;
      for (uint32_t shard = 0; shard < shards; ++shard) {
        const RowRange range = RowsOfShard(rows, shards, shard);
        CHECK(range.begin == at);
        const uint64_t size = range.end - range.begin;
        CHECK((size == rows / shards || size == rows / shards + 1));
        at = range.end;
      }
      CHECK(at == rows);
    }
  }
}

}  // namespace
}  // namespace paramd
