#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "tests/common/wire/pieces.h"

namespace paramd {

// `bytes` cut into pieces whose sizes are the bytes of `sizes`, repeated; whole if there are none
// above 0.
inline Pieces CutBytes(absl::Span<const uint8_t> bytes, absl::Span<const uint8_t> sizes) {
  std::vector<size_t> cuts;
  if (std::any_of(sizes.begin(), sizes.end(), [](uint8_t size) { return size > 0; })) {
    size_t at = 0;
    for (size_t i = 0; (at += sizes[i % sizes.size()]) <= bytes.size(); ++i) cuts.push_back(at);
  }
  return Pieces(bytes, cuts);
}

}  // namespace paramd
