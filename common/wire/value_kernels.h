#pragma once

#include <cfloat>
#include <cstddef>
#include <cstdint>

namespace paramd {

// The arithmetic of the value codecs on contiguous arrays, vectorised for the CPU it runs on. The
// results are the same to the bit on every CPU and for every cut of an array into calls. Encoded
// bytes may lie at any alignment and do not overlap the floats. FORMAT.md says what they mean. Pure
// functions.

// ---- bfloat16 and IEEE binary16: 2 bytes a value

void EncodeBf16(const float* values, size_t size, uint8_t* out);
void DecodeBf16(const uint8_t* bytes, size_t size, float* out);

void EncodeF16(const float* values, size_t size, uint8_t* out);
void DecodeF16(const uint8_t* bytes, size_t size, float* out);

// ---- int8: groups of values, each a float32 scale followed by 1 byte a value

// Scales are 0 or between these: below, a float loses digits; above, 127 times it is infinite.
inline constexpr float kMinInt8Scale = FLT_MIN;
inline constexpr float kMaxInt8Scale = 0x1.020406p121f;

// Encodes `size` values as consecutive groups of `group` values, of which the last may be shorter.
// The values have the numbers `first`, `first` + 1, ... within their segment, which together with
// `seed` decide how each is rounded.
void EncodeInt8Groups(const float* values, size_t size, size_t group, uint64_t seed, uint32_t first,
                      uint8_t* out);

// out[i] = scale * bytes[i], the bytes being two's complement.
void DecodeInt8(const uint8_t* bytes, size_t size, float scale, float* out);

// ---- checks, on encoded values

bool AllFiniteF32(const uint8_t* bytes, size_t size);
bool AllFiniteBf16(const uint8_t* bytes, size_t size);
bool AllFiniteF16(const uint8_t* bytes, size_t size);

// Whether no byte is -128, which int8 does not use.
bool AllInt8(const uint8_t* bytes, size_t size);

}  // namespace paramd
