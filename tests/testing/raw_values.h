#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "absl/types/span.h"
#include "common/wire/byte_reader.h"
#include "common/wire/operation.h"

namespace paramd {

// Float32 values as an operation has them. Borrows the array, and is borrowed by the reader.
class RawValues {
 public:
  RawValues() = default;
  explicit RawValues(absl::Span<const float> values)
      : piece_(reinterpret_cast<const uint8_t*>(values.data()), values.size() * sizeof(float)) {}

  ByteReader reader() const { return ByteReader({&piece_, 1}); }

 private:
  ByteReader::Piece piece_;
};

// The values of a reply that was asked for as float32.
inline std::vector<float> FloatsOf(const Reply& reply) {
  if (reply.values.size() == 0) return {};
  std::vector<float> values((reply.values.size() - kReplyRoom) / sizeof(float));
  std::memcpy(values.data(), reply.values.data() + kReplyRoom, values.size() * sizeof(float));
  return values;
}

}  // namespace paramd
