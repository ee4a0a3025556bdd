#pragma once

#include <cstdint>

namespace paramd {

// What stands before the body of a block of a cache file (CACHE.md), as it is in memory.
struct CacheFrame {
  uint64_t number = 0;      // of the block, from 0
  uint64_t body_bytes = 0;  // a multiple of 8
  uint32_t body_crc = 0;    // CRC-32C
  uint32_t frame_crc = 0;   // of the bytes before

  // Bytes that frame_crc is of.
  static constexpr uint64_t kCheckedBytes = 20;
};
static_assert(sizeof(CacheFrame) == 24);

}  // namespace paramd
