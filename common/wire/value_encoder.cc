#include "common/wire/value_encoder.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "common/wire/value_kernels.h"

namespace paramd {
namespace {

// Writes values that begin with number `first` of their segment, at the beginning of a group.
// Returns where the next ones go.
uint8_t* EncodeRun(ValueCodec codec, const float* values, size_t size, size_t group, uint64_t seed,
                   uint64_t first, uint8_t* out) {
  switch (codec) {
    case ValueCodec::kF32:
      if (size > 0) std::memcpy(out, values, size * sizeof(float));
      return out + size * sizeof(float);
    case ValueCodec::kBf16:
      EncodeBf16(values, size, out);
      return out + 2 * size;
    case ValueCodec::kF16:
      EncodeF16(values, size, out);
      return out + 2 * size;
    case ValueCodec::kInt8:
      EncodeInt8Groups(values, size, group, seed, static_cast<uint32_t>(first), out);
      return out + size + sizeof(float) * ((size + group - 1) / group);
    case ValueCodec::kTopK:
      break;
  }
  assert(false);
  return out;
}

}  // namespace

void EncodeValues(ValueCodec codec, ValueShape shape, absl::Span<const float> values, uint64_t seed,
                  uint8_t* out) {
  assert(values.size() == shape.size());
  EncodeRun(codec, values.data(), values.size(), Int8Group(shape.dim), seed, 0, out);
}

void ValueEncoder::Reset(ValueCodec codec, ValueShape shape, uint64_t seed, uint8_t* out) {
  assert(codec != ValueCodec::kF32 || reinterpret_cast<uintptr_t>(out) % alignof(float) == 0);
  codec_ = codec;
  group_ = codec == ValueCodec::kInt8 ? Int8Group(shape.dim) : 1;
  seed_ = seed;
  size_ = shape.size();
  encoded_ = 0;
  out_ = out;
  filled_ = 0;
  if (codec == ValueCodec::kF32) return;
  const size_t room = std::min<uint64_t>(size_, kMaxRun + group_ - 1);
  if (staged_.size() < room) staged_.resize(room);
}

float* ValueEncoder::Next(size_t size) {
  assert(size <= kMaxRun && encoded_ + filled_ + size <= size_);
  if (codec_ == ValueCodec::kF32) {
    auto* room = reinterpret_cast<float*>(out_);
    out_ += size * sizeof(float);
    encoded_ += size;
    return room;
  }
  if (filled_ + size > staged_.size()) Encode(filled_ - filled_ % group_);
  float* room = staged_.data() + filled_;
  filled_ += size;
  return room;
}

void ValueEncoder::Write(const float* values, size_t size) {
  assert(encoded_ + filled_ + size <= size_);
  // Whole groups, or the end of the segment, need not be staged.
  if (filled_ == 0) {
    const size_t direct = encoded_ + size == size_ ? size : size - size % group_;
    out_ = EncodeRun(codec_, values, direct, group_, seed_, encoded_, out_);
    encoded_ += direct;
    values += direct;
    size -= direct;
  }
  while (size > 0) {
    const size_t part = std::min(size, kMaxRun);
    std::copy_n(values, part, Next(part));
    values += part;
    size -= part;
  }
}

void ValueEncoder::Finish() {
  Encode(filled_);
  assert(encoded_ == size_);
}

void ValueEncoder::Encode(size_t size) {
  out_ = EncodeRun(codec_, staged_.data(), size, group_, seed_, encoded_, out_);
  encoded_ += size;
  filled_ -= size;
  std::copy_n(staged_.begin() + size, filled_, staged_.begin());
}

}  // namespace paramd
