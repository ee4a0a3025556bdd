#pragma once

#include <cstdint>

namespace paramd {

// The part of an operation that goes to one shard: `rows` rows, in a dense table from `first_row`
// of the table on. `piece` counts the operations of a step that have rows of the shard.
struct Segment {
  uint32_t shard = 0;
  uint32_t rows = 0;
  uint64_t first_row = 0;
  uint32_t piece = 0;

  friend bool operator==(const Segment&, const Segment&) = default;
};

}  // namespace paramd
