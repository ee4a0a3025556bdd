#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "common/wire/byte_reader.h"

namespace paramd {

// How the float32 values of a segment (the rows of an operation that go to one shard) are written.
// FORMAT.md has the bytes, roundings and bounds.
enum class ValueCodec {
  kF32,   // 4 bytes a value, exact
  kBf16,  // 2 bytes, relative error at most 2^-8
  kF16,   // 2 bytes, relative error at most 2^-11 between 2^-14 and 65504
  kInt8,  // 1 byte and a scale for each group, unbiased; error at most the group's largest / 127
  kTopK,  // the largest values as float32 with their positions, all others 0; for pushes
};

// The shape of a segment's values: rows x dim, row after row. dim > 0.
struct ValueShape {
  uint32_t rows = 0;
  uint32_t dim = 1;

  uint64_t size() const { return uint64_t{rows} * dim; }

  friend bool operator==(const ValueShape&, const ValueShape&) = default;
};

// A segment has at most so many values.
inline constexpr uint64_t kMaxSegmentValues = UINT32_MAX;

// Values of a kInt8 group: whole rows, at least 64 values.
uint64_t Int8Group(uint32_t dim);

// Values that a kTopK block has positions for; the last block of a segment may be shorter.
inline constexpr uint64_t kTopKBlock = 256;

// Bytes of an encoded segment of `shape`. `kept`: how many values kTopK keeps, at most all.
// shape.size() <= kMaxSegmentValues.
uint64_t EncodedSize(ValueCodec codec, ValueShape shape, uint64_t kept = 0);

// Takes the next segment from `bytes` and checks all of it, so that decoding it cannot fail and
// gives finite values only. Returns a cursor over just its bytes, for a ValueDecoder.
// INVALID_ARGUMENT, with `bytes` where it was: more than kMaxSegmentValues values; fewer bytes than
// the segment has; a value that is NaN or infinite; anything that FORMAT.md forbids.
absl::StatusOr<ByteReader> TakeValues(ValueCodec codec, ValueShape shape, ByteReader* bytes);

}  // namespace paramd
