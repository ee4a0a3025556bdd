#include "tests/bench/key_batches.h"

#include <algorithm>

#include "common/base/random.h"
#include "common/routing/shard_of.h"

namespace paramd {
namespace {

KeyBatch Cut(std::vector<uint64_t> keys, uint32_t shards) {
  std::sort(keys.begin(), keys.end());
  KeyBatch batch = {.keys = std::vector<uint64_t>(keys.size()),
                    .offsets = std::vector<size_t>(shards + 1)};
  for (const uint64_t key : keys) ++batch.offsets[ShardOfKey(key, shards) + 1];
  for (uint32_t shard = 0; shard < shards; ++shard) {
    batch.offsets[shard + 1] += batch.offsets[shard];
  }
  std::vector<size_t> next(batch.offsets.begin(), batch.offsets.end() - 1);
  for (const uint64_t key : keys) batch.keys[next[ShardOfKey(key, shards)]++] = key;
  return batch;
}

}  // namespace

KeyBatch MakeKeyBatch(uint64_t first, size_t size, uint32_t shards) {
  std::vector<uint64_t> keys(size);
  for (size_t i = 0; i < size; ++i) keys[i] = Mix64(first + i);
  return Cut(std::move(keys), shards);
}

KeyBatch DrawKeyBatch(uint64_t table, size_t size, uint32_t shards, uint64_t seed) {
  // Selection sampling: each of the table's keys with the chance that leaves `size` in the end.
  std::vector<uint64_t> keys;
  Random random(seed);
  for (uint64_t i = 0; i < table && keys.size() < size; ++i) {
    if (random.NextBelow(table - i) < size - keys.size()) keys.push_back(Mix64(i));
  }
  return Cut(std::move(keys), shards);
}

}  // namespace paramd
