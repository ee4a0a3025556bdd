#pragma once

#include <cstdint>

#include "absl/types/span.h"

namespace paramd {

// Rows of one shard that an operation is about. Borrows keys and hashes.
struct RowSet {
  uint64_t count = 0;
  uint64_t first_row = 0;             // dense: rows [first_row, first_row + count) of the table
  absl::Span<const uint64_t> keys;    // sparse: `count` keys, strictly ascending
  absl::Span<const uint64_t> hashes;  // sparse: HashKey of each; Shard::CheckRows sets them
};

}  // namespace paramd
