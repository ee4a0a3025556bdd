#pragma once

#include <cstdint>

#include "absl/types/span.h"

namespace paramd {

// Both: indices are below 2^31. Thread-safe.

// to[i] = from[order[i]]
void Gather(const float* from, absl::Span<const uint32_t> order, float* to);

// to[order[i]] = from[i]; no index comes twice. `from`: float32[order.size()] at any alignment.
void Scatter(const void* from, absl::Span<const uint32_t> order, float* to);

}  // namespace paramd
