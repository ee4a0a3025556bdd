#include "common/wire/value_codec.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/wire/value_kernels.h"

namespace paramd {
namespace {

template <typename T>
T Read(ByteReader* bytes) {
  T value;
  bytes->Copy(sizeof(T), reinterpret_cast<uint8_t*>(&value));
  return value;
}

absl::Status NotFinite() { return absl::InvalidArgumentError("a value is NaN or infinite"); }

// Whether `good` holds for all of `size` elements of `width` bytes, of which some may straddle two
// pieces.
bool AllOf(ByteReader* bytes, uint64_t size, size_t width,
           bool (*good)(const uint8_t* bytes, size_t size)) {
  uint8_t scratch[8];
  while (size > 0) {
    const size_t count = std::clamp<uint64_t>(bytes->contiguous() / width, 1, size);
    // More than one element only where they lie in one piece.
    if (!good(bytes->Exactly(count * width, scratch), count)) return false;
    size -= count;
  }
  return true;
}

absl::Status CheckFinite(ByteReader bytes, ValueShape shape, size_t width,
                         bool (*all_finite)(const uint8_t* bytes, size_t size)) {
  return AllOf(&bytes, shape.size(), width, all_finite) ? absl::OkStatus() : NotFinite();
}

absl::Status CheckInt8(ByteReader bytes, ValueShape shape) {
  const uint64_t group = Int8Group(shape.dim);
  for (uint64_t left = shape.size(); left > 0;) {
    const uint64_t size = std::min(group, left);
    const auto scale = Read<float>(&bytes);
    uint32_t bits;
    std::memcpy(&bits, &scale, sizeof(bits));
    if ((bits & 0x7f800000) == 0x7f800000) return NotFinite();
    if (bits != 0 && !(scale >= kMinInt8Scale && scale <= kMaxInt8Scale)) {
      return absl::InvalidArgumentError(absl::StrCat("int8: ", scale, " is no scale"));
    }
    if (!AllOf(&bytes, size, 1, AllInt8))
      return absl::InvalidArgumentError("int8: -128 is no value");
    left -= size;
  }
  return absl::OkStatus();
}

absl::Status CheckTopKBlock(ByteReader* bytes, uint64_t size, uint64_t* left) {
  const uint64_t count = Read<uint16_t>(bytes);
  if (count > std::min(size, *left)) {
    return absl::InvalidArgumentError(absl::StrCat("top-k: a block of ", size, " values keeps ",
                                                   count, ", with ", *left, " left to keep"));
  }
  *left -= count;
  std::array<uint8_t, kTopKBlock> scratch;
  const uint8_t* positions = bytes->Exactly(count, scratch.data());
  for (uint64_t i = 0; i < count; ++i) {
    if (positions[i] >= size || (i > 0 && positions[i] <= positions[i - 1])) {
      return absl::InvalidArgumentError("top-k: positions do not ascend within the block");
    }
  }
  return AllOf(bytes, count, sizeof(float), AllFiniteF32) ? absl::OkStatus() : NotFinite();
}

absl::Status CheckTopK(ByteReader bytes, ValueShape shape) {
  uint64_t left = Read<uint32_t>(&bytes);
  for (uint64_t begin = 0; begin < shape.size(); begin += kTopKBlock) {
    RETURN_IF_ERROR(CheckTopKBlock(&bytes, std::min(kTopKBlock, shape.size() - begin), &left));
  }
  if (left == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("top-k: the blocks keep ", left, " fewer values than the segment"));
}

absl::Status Check(ValueCodec codec, ValueShape shape, ByteReader bytes) {
  switch (codec) {
    case ValueCodec::kF32:
      return CheckFinite(bytes, shape, sizeof(float), AllFiniteF32);
    case ValueCodec::kBf16:
      return CheckFinite(bytes, shape, 2, AllFiniteBf16);
    case ValueCodec::kF16:
      return CheckFinite(bytes, shape, 2, AllFiniteF16);
    case ValueCodec::kInt8:
      return CheckInt8(bytes, shape);
    case ValueCodec::kTopK:
      return CheckTopK(bytes, shape);
  }
  return absl::InvalidArgumentError(absl::StrCat("unknown value codec ", static_cast<int>(codec)));
}

absl::Status CheckLength(uint64_t expected, const ByteReader& bytes) {
  if (bytes.remaining() >= expected) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("values: ", bytes.remaining(), " bytes instead of ", expected));
}

// How many values the kTopK segment at the cursor says to keep.
absl::StatusOr<uint64_t> Kept(ValueShape shape, ByteReader bytes) {
  RETURN_IF_ERROR(CheckLength(sizeof(uint32_t), bytes));
  const uint64_t kept = Read<uint32_t>(&bytes);
  if (kept <= shape.size()) return kept;
  return absl::InvalidArgumentError(
      absl::StrCat("top-k: ", kept, " of ", shape.size(), " values are kept"));
}

}  // namespace

uint64_t Int8Group(uint32_t dim) { return uint64_t{dim} * ((63 + uint64_t{dim}) / dim); }

uint64_t EncodedSize(ValueCodec codec, ValueShape shape, uint64_t kept) {
  const uint64_t size = shape.size();
  assert(size <= kMaxSegmentValues && kept <= size);
  const auto parts = [size](uint64_t part) { return (size + part - 1) / part; };
  switch (codec) {
    case ValueCodec::kF32:
      return 4 * size;
    case ValueCodec::kBf16:
    case ValueCodec::kF16:
      return 2 * size;
    case ValueCodec::kInt8:
      return size + sizeof(float) * parts(Int8Group(shape.dim));
    case ValueCodec::kTopK:
      return sizeof(uint32_t) + sizeof(uint16_t) * parts(kTopKBlock) + (1 + sizeof(float)) * kept;
  }
  return 0;
}

absl::StatusOr<ByteReader> TakeValues(ValueCodec codec, ValueShape shape, ByteReader* bytes) {
  if (shape.size() > kMaxSegmentValues) {
    return absl::InvalidArgumentError(absl::StrCat("values: ", shape.rows, " x ", shape.dim,
                                                   " values are too many for a segment"));
  }
  uint64_t kept = 0;
  if (codec == ValueCodec::kTopK) {
    ASSIGN_OR_RETURN(kept, Kept(shape, *bytes));
  }
  const uint64_t size = EncodedSize(codec, shape, kept);
  RETURN_IF_ERROR(CheckLength(size, *bytes));
  ByteReader rest = *bytes;
  const ByteReader segment = rest.Take(size);
  RETURN_IF_ERROR(Check(codec, shape, segment));
  *bytes = rest;
  return segment;
}

}  // namespace paramd
