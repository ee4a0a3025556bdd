#pragma once

#include <bit>
#include <cstdint>

#include "absl/types/span.h"

namespace paramd {

// Bytes 8 to 23 of XXH3's secret, and PRIME_MX2.
inline constexpr uint64_t kHashFlip = 0x1cad21f72c81017c ^ 0xdb979083e96dd4de;
inline constexpr uint64_t kHashPrime = 0x9fb21c651e98df25;

// XXH3-64 (seed 0) of a key's 8 little-endian bytes: the algorithm for inputs of 4 to 8 bytes in
// https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md. A bijection.
constexpr uint64_t HashKey(uint64_t key) {
  uint64_t hash = std::rotl(key, 32) ^ kHashFlip;
  hash ^= std::rotl(hash, 49) ^ std::rotl(hash, 24);
  hash *= kHashPrime;
  hash ^= (hash >> 35) + sizeof(key);
  hash *= kHashPrime;
  return hash ^ (hash >> 28);
}

// HashKey of many keys, to hashes[0, keys.size()).
void HashKeys(absl::Span<const uint64_t> keys, uint64_t* hashes);

}  // namespace paramd
