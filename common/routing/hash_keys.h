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

// The key with this hash.
constexpr uint64_t KeyOfHash(uint64_t hash) {
  // The inverse of kHashPrime modulo 2^64, by Newton's method: each step doubles the bits that
  // hold.
  uint64_t inverse = kHashPrime;
  for (int bits = 3; bits < 64; bits *= 2) inverse *= 2 - kHashPrime * inverse;
  hash ^= (hash >> 28) ^ (hash >> 56);
  hash *= inverse;
  hash ^= (hash >> 35) + sizeof(hash);  // leaves the bits that it looks at as they were
  hash *= inverse;
  // x ^ rotl(x, 49) ^ rotl(x, 24) done 64 times changes nothing, for squaring a sum of rotations
  // doubles each of them. So it is undone by 63 = 1 + 2 + 4 + 8 + 16 + 32 more.
  for (int times = 1; times < 64; times *= 2) {
    hash ^= std::rotl(hash, 49 * times % 64) ^ std::rotl(hash, 24 * times % 64);
  }
  return std::rotl(hash ^ kHashFlip, 32);
}

// HashKey of many keys, to hashes[0, keys.size()), which may be the keys' own place.
void HashKeys(absl::Span<const uint64_t> keys, uint64_t* hashes);

}  // namespace paramd
