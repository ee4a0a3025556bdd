#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "server/table/step_buffer.h"

namespace paramd {

// Gradients by key.
struct SortedSum {
  std::vector<uint64_t> keys;    // ascending, each once
  std::vector<float> gradients;  // float32[keys][dim]
};

// For each key that is in a push (each with strictly ascending keys), the sum of weight x gradient
// over the pushes, in their order and in double precision. A pure function.
SortedSum SumByKey(absl::Span<const WeightedPush> pushes, uint32_t dim);

}  // namespace paramd
