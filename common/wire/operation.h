#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"

namespace paramd {

// The data plane's messages as the program works with them; proto/paramd/v1/parameter.proto says
// what each field means. Only common/wire and server/rpc know how they are encoded.

enum class OperationKind { kAttach = 1, kAdvance = 2, kPull = 3, kPush = 4, kDetach = 5 };

// The part of an operation that goes to one shard: `rows` rows, in a dense table from `first_row`
// of the table on.
struct Segment {
  uint32_t shard = 0;
  uint32_t rows = 0;
  uint64_t first_row = 0;

  friend bool operator==(const Segment&, const Segment&) = default;
};

// One operation for one server. Borrows segments, keys and values; whoever made it keeps them
// alive. Sparse: keys.size() == sum of rows, strictly ascending within a segment. Pushes:
// values.size() == sum of rows x dim.
struct Operation {
  OperationKind kind = OperationKind::kPull;
  uint32_t client = 0;
  uint64_t incarnation = 0;
  uint64_t sequence = 0;
  uint64_t epoch = 0;
  uint64_t clock = 0;
  bool finishes_step = false;
  bool ignore_clock = false;
  uint64_t examples = 0;
  uint32_t table = 0;
  absl::Span<const Segment> segments;
  absl::Span<const uint64_t> keys;
  absl::Span<const float> values;
};

// The answer to one operation.
struct Reply {
  uint64_t sequence = 0;
  absl::Status status;
  uint64_t epoch = 0;
  uint64_t clock = 0;
  std::vector<float> values;
};

}  // namespace paramd
