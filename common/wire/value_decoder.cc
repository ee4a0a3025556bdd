#include "common/wire/value_decoder.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "common/wire/value_kernels.h"

namespace paramd {

void ValueDecoder::Reset(ValueCodec codec, ValueShape shape, const ByteReader& segment) {
  codec_ = codec;
  bytes_ = segment;
  left_ = shape.size();
  group_ = Int8Group(shape.dim);
  group_left_ = 0;
  block_size_ = block_at_ = kept_ = kept_at_ = 0;
  if (codec == ValueCodec::kTopK) bytes_.Skip(sizeof(uint32_t));  // how many are kept
}

FloatRun ValueDecoder::Next(size_t max) {
  assert(max > 0 && left_ > 0);
  const size_t size = std::min<uint64_t>({max, left_, kMaxRun});
  if (codec_ == ValueCodec::kF32) {
    const size_t whole = std::clamp<size_t>(bytes_.contiguous() / sizeof(float), 1, size);
    return {.data = Exactly(whole), .size = whole};
  }
  const size_t block = std::min(size, kBlock);
  return {.data = Exactly(block), .size = block};
}

const void* ValueDecoder::Exactly(size_t size) {
  assert(size <= kMaxRun && size <= left_);
  left_ -= size;
  if (codec_ == ValueCodec::kF32) {
    return bytes_.Exactly(size * sizeof(float), reinterpret_cast<uint8_t*>(values_.data()));
  }
  Decode(values_.data(), size);
  return values_.data();
}

void ValueDecoder::Read(size_t size, float* out) {
  assert(size <= left_);
  left_ -= size;
  if (codec_ == ValueCodec::kF32) {
    bytes_.Copy(size * sizeof(float), reinterpret_cast<uint8_t*>(out));
  } else {
    Decode(out, size);
  }
}

void ValueDecoder::Decode(float* out, size_t size) {
  switch (codec_) {
    case ValueCodec::kF32:
      return;  // read in place
    case ValueCodec::kBf16:
      return DecodeHalves(out, size, DecodeBf16);
    case ValueCodec::kF16:
      return DecodeHalves(out, size, DecodeF16);
    case ValueCodec::kInt8:
      return DecodeInt8Groups(out, size);
    case ValueCodec::kTopK:
      return DecodeTopK(out, size);
  }
}

void ValueDecoder::DecodeHalves(float* out, size_t size,
                                void (*decode)(const uint8_t* bytes, size_t size, float* out)) {
  uint8_t straddling[2];
  while (size > 0) {
    const size_t count = std::clamp<size_t>(bytes_.contiguous() / 2, 1, size);
    decode(bytes_.Exactly(2 * count, straddling), count, out);
    out += count;
    size -= count;
  }
}

void ValueDecoder::DecodeInt8Groups(float* out, size_t size) {
  while (size > 0) {
    if (group_left_ == 0) {
      bytes_.Copy(sizeof(scale_), reinterpret_cast<uint8_t*>(&scale_));
      group_left_ = group_;
    }
    const ByteReader::Piece piece = bytes_.Next(std::min<uint64_t>(size, group_left_));
    DecodeInt8(piece.data(), piece.size(), scale_, out);
    group_left_ -= piece.size();
    out += piece.size();
    size -= piece.size();
  }
}

void ValueDecoder::BeginTopKBlock() {
  uint16_t kept;
  bytes_.Copy(sizeof(kept), reinterpret_cast<uint8_t*>(&kept));
  kept_ = kept;
  kept_at_ = 0;
  positions_ = bytes_.Exactly(kept_ * (1 + sizeof(float)), block_.data());
  kept_values_ = positions_ + kept_;
  block_size_ = kTopKBlock;
  block_at_ = 0;
}

void ValueDecoder::DecodeTopK(float* out, size_t size) {
  std::fill_n(out, size, 0.0f);
  while (size > 0) {
    if (block_at_ == block_size_) BeginTopKBlock();
    const size_t end = std::min(block_size_, block_at_ + size);
    for (; kept_at_ < kept_ && positions_[kept_at_] < end; ++kept_at_) {
      std::memcpy(out + (positions_[kept_at_] - block_at_), kept_values_ + kept_at_ * sizeof(float),
                  sizeof(float));
    }
    out += end - block_at_;
    size -= end - block_at_;
    block_at_ = end;
  }
}

}  // namespace paramd
