#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace paramd {

// Keys cut by shard, ascending within each: what a client sends in its operations.
struct KeyBatch {
  std::vector<uint64_t> keys;   // of shard 0, then of shard 1, ...
  std::vector<size_t> offsets;  // shard s has keys [offsets[s], offsets[s + 1])
};

// The keys first, first + 1, ... of a sequence of distinct random keys, cut for `shards` shards.
KeyBatch MakeKeyBatch(uint64_t first, size_t size, uint32_t shards);

// `size` keys drawn from the first `table` of the sequence, each at most once.
KeyBatch DrawKeyBatch(uint64_t table, size_t size, uint32_t shards, uint64_t seed);

}  // namespace paramd
