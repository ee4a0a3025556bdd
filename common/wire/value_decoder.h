#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "common/wire/byte_reader.h"
#include "common/wire/floats.h"
#include "common/wire/value_codec.h"

namespace paramd {

// Reads the values of one encoded segment. kF32 is read in place, also where it is not aligned; a
// value that straddles two pieces is gathered. The others are decoded on demand, a block at a time,
// into memory of the decoder (about 20 KiB), aligned to 64 bytes. Allocates nothing. Borrows the
// bytes. Not thread-safe.
//
//   ASSIGN_OR_RETURN(const ByteReader segment, TakeValues(codec, shape, &bytes));
//   decoder.Reset(codec, shape, segment);
//   while (...) decoder.Next(...)
class ValueDecoder final : public FloatSource {
 public:
  ValueDecoder() = default;
  ValueDecoder(const ValueDecoder&) = delete;
  ValueDecoder& operator=(const ValueDecoder&) = delete;

  // Starts at the first value of `segment`, which TakeValues returned for this codec and shape.
  void Reset(ValueCodec codec, ValueShape shape, const ByteReader& segment);

  FloatRun Next(size_t max) override;
  const void* Exactly(size_t size) override;
  void Read(size_t size, float* out) override;

 private:
  // Values that Next decodes at a time: they stay in the first-level cache.
  static constexpr size_t kBlock = 1024;

  // Write the next `size` values to `out`.
  void Decode(float* out, size_t size);
  void DecodeHalves(float* out, size_t size,
                    void (*decode)(const uint8_t* bytes, size_t size, float* out));
  void DecodeInt8Groups(float* out, size_t size);
  void DecodeTopK(float* out, size_t size);

  void BeginTopKBlock();

  ValueCodec codec_ = ValueCodec::kF32;
  ByteReader bytes_;
  uint64_t left_ = 0;  // values not read yet

  // kInt8
  uint64_t group_ = 0;
  uint64_t group_left_ = 0;  // values of the current group
  float scale_ = 0;

  // kTopK, the current block
  size_t block_size_ = 0;
  size_t block_at_ = 0;  // next value
  size_t kept_ = 0;
  size_t kept_at_ = 0;  // next kept value
  const uint8_t* positions_ = nullptr;
  const uint8_t* kept_values_ = nullptr;
  std::array<uint8_t, kTopKBlock*(1 + sizeof(float))> block_;  // gathered from two pieces

  alignas(64) std::array<float, kMaxRun> values_;
};

}  // namespace paramd
