#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "common/wire/operation.h"
#include "paramd/v1/coordinator.pb.h"

namespace paramd {

// The part of a pull or push that goes to one server in one operation.
struct Slice {
  uint32_t server = 0;
  std::vector<Segment> segments;
  // Sparse tables: the keys, segment after segment. Dense: empty.
  std::vector<uint64_t> keys;
  // Row i of the operation is row rows[i] of the caller's matrix.
  std::vector<uint32_t> rows;
};

// Cuts ascending, unique `keys` of a sparse table by shard and server; no slice has more than
// `max_rows` rows. Slices of one server follow one another; together they hold every key once, and
// keys ascend inside each segment. Pure.
std::vector<Slice> SliceSparse(const v1::TablePlacement& table, absl::Span<const uint64_t> keys,
                               uint32_t max_rows);

// The same for all rows of a dense table.
std::vector<Slice> SliceDense(const v1::TablePlacement& table, uint32_t max_rows);

}  // namespace paramd
