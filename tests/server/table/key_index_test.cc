#include "server/table/key_index.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <vector>

#include "common/base/random.h"
#include "common/routing/hash_keys.h"
#include "common/routing/shard_of.h"

namespace paramd {
namespace {

uint32_t Find(const KeyIndex& index, uint64_t key) { return index.Find(HashKey(key), key); }

std::map<uint64_t, uint32_t> AllOf(const KeyIndex& index) {
  std::map<uint64_t, uint32_t> all;
  index.ForEach([&](uint64_t key, uint32_t row) { CHECK(all.emplace(key, row).second); });
  return all;
}

TEST_CASE("a key has the row it was given, another key has none") {
  KeyIndex index(0, 1);
  CHECK(Find(index, 0) == KeyIndex::kNone);
  CHECK(AllOf(index).empty());
  const std::vector<uint64_t> keys = {0, UINT64_MAX, 1, uint64_t{1} << 63, 42};
  for (uint32_t row = 0; row < keys.size(); ++row) {
    CHECK(Find(index, keys[row]) == KeyIndex::kNone);
    index.Insert(HashKey(keys[row]), keys[row], row);
    CHECK(index.size() == row + 1);
  }
  for (uint32_t row = 0; row < keys.size(); ++row) CHECK(Find(index, keys[row]) == row);
  CHECK(Find(index, 43) == KeyIndex::kNone);
  CHECK(AllOf(index) == std::map<uint64_t, uint32_t>{
                            {0, 0}, {1, 2}, {42, 4}, {uint64_t{1} << 63, 3}, {UINT64_MAX, 1}});
}

TEST_CASE("small shards grow, at every size") {
  const uint32_t shards = GENERATE(1, 3, 64);
  const uint32_t shard = shards / 2;
  KeyIndex index(shard, shards);
  std::vector<uint64_t> keys;
  for (uint64_t key = 0; keys.size() < 3000; ++key) {
    if (ShardOfKey(key, shards) != shard) continue;
    index.Insert(HashKey(key), key, static_cast<uint32_t>(keys.size()));
    keys.push_back(key);
    if (keys.size() % 97 != 0 && keys.size() > 40) continue;
    size_t found = 0;
    for (size_t i = 0; i < keys.size(); ++i) found += Find(index, keys[i]) == i;
    REQUIRE(found == keys.size());
    REQUIRE(Find(index, key + 1000000) == KeyIndex::kNone);
  }
}

TEST_CASE("a large shard splits, and wastes little at any size") {
  // 3 is not a power of two: the shard's keys are not those with certain top bits.
  const uint32_t shards = GENERATE(1, 3);
  KeyIndex index(shards - 1, shards);
  constexpr uint32_t kKeys = 1500000;
  std::vector<uint64_t> keys;
  double worst = 0;
  for (uint64_t i = 0; keys.size() < kKeys; ++i) {
    const uint64_t key = Mix64(i);
    if (ShardOfKey(key, shards) != shards - 1) continue;
    index.Insert(HashKey(key), key, static_cast<uint32_t>(keys.size()));
    keys.push_back(key);
    if (keys.size() >= 10000 && keys.size() % 1000 == 0) {
      worst =
          std::max(worst, static_cast<double>(index.bytes()) / static_cast<double>(keys.size()));
    }
  }
  size_t found = 0;
  for (uint32_t i = 0; i < kKeys; ++i) found += Find(index, keys[i]) == i;
  CHECK(found == kKeys);
  size_t visited = 0;
  index.ForEach([&](uint64_t key, uint32_t row) { visited += keys[row] == key; });
  CHECK(visited == kKeys);
  CHECK(worst < 64 / (5 * 0.68) + 0.5);  // a bucket of 64 bytes has 5 slots, 68 % of them full
  CHECK(static_cast<double>(index.bytes()) / kKeys >= 64 / (5 * 0.85));
}

}  // namespace
}  // namespace paramd
