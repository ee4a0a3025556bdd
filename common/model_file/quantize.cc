#include "common/model_file/quantize.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace paramd {

Int8Rows ToInt8(absl::Span<const float> values, uint32_t dim) {
  Int8Rows rows;
  rows.values.reserve(values.size());
  for (size_t begin = 0; begin < values.size(); begin += dim) {
    const absl::Span<const float> row = values.subspan(begin, dim);
    float largest = 0;
    for (const float value : row) largest = std::max(largest, std::abs(value));
    float scale = largest / 127;
    // Rounded up, the largest number would come back as infinite.
    if (!std::isfinite(scale * 127)) scale = std::nextafter(scale, 0.0f);
    rows.scales.push_back(scale);
    for (const float value : row) {
      // A scale that is not zero may still be so small that the quotient is beyond 127.
      const float units = scale == 0 ? 0 : std::nearbyint(value / scale);
      rows.values.push_back(static_cast<int8_t>(std::clamp(units, -127.0f, 127.0f)));
    }
  }
  return rows;
}

std::vector<float> FromInt8(const Int8Rows& rows, uint32_t dim) {
  std::vector<float> values(rows.values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = rows.scales[i / dim] * static_cast<float>(rows.values[i]);
  }
  return values;
}

std::vector<uint16_t> ToBf16(absl::Span<const float> values) {
  std::vector<uint16_t> halves;
  halves.reserve(values.size());
  for (const float value : values) {
    const auto bits = std::bit_cast<uint32_t>(value);
    const uint32_t half_ulp = 0x7fff + (bits >> 16 & 1);
    const uint32_t rounded = (bits + half_ulp) >> 16;
    // The largest values would become infinite.
    const bool overflows = (rounded & 0x7fff) >= 0x7f80;
    halves.push_back(static_cast<uint16_t>(overflows ? bits >> 16 : rounded));
  }
  return halves;
}

std::vector<float> FromBf16(absl::Span<const uint16_t> values) {
  std::vector<float> floats;
  floats.reserve(values.size());
  for (const uint16_t value : values) {
    floats.push_back(std::bit_cast<float>(static_cast<uint32_t>(value) << 16));
  }
  return floats;
}

}  // namespace paramd
