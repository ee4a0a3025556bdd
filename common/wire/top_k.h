#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace paramd {

// How many of `size` values a fraction in (0, 1] keeps: the next whole number, at most all.
uint64_t TopKCount(uint64_t size, double fraction);

// Selects the values of the largest magnitude. Of equal magnitudes the first ones go before, so the
// selection depends on nothing but the values; NaN goes before infinity and that before the rest.
// Keeps its memory (4 bytes a selected value and a few for each that is near the k-th) for the next
// selection. Not thread-safe.
class TopKSelector {
 public:
  // The positions of the k <= values.size() largest values, ascending. Valid until the next call.
  // values.size() <= kMaxSegmentValues.
  absl::Span<const uint32_t> Select(absl::Span<const float> values, size_t k);

 private:
  std::vector<uint32_t> candidates_;
  std::vector<uint32_t> positions_;
};

// Writes the values at `positions`, which ascend, as a kTopK segment to `out`, which has
// EncodedSize(ValueCodec::kTopK, shape, positions.size()) bytes. Pure function.
void EncodeTopK(absl::Span<const float> values, absl::Span<const uint32_t> positions, uint8_t* out);

}  // namespace paramd
