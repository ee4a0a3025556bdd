#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace paramd {

// Values of a saved model in fewer bits. Pure functions of finite values.

// A row is scale x (integers from -127 to 127).
struct Int8Rows {
  std::vector<int8_t> values;  // [rows][dim]
  std::vector<float> scales;   // [rows]; largest magnitude of the row / 127
};
// Each value to the nearest integer, ties to even: off by half a scale at most.
Int8Rows ToInt8(absl::Span<const float> values, uint32_t dim);
std::vector<float> FromInt8(const Int8Rows& rows, uint32_t dim);

// The upper halves of float32s, rounded to nearest, ties to even: 8 significant bits.
std::vector<uint16_t> ToBf16(absl::Span<const float> values);
std::vector<float> FromBf16(absl::Span<const uint16_t> values);

}  // namespace paramd
