// Encoded values: arbitrary ones are refused or decode to finite values, the same from any pieces;
// any floats that are finite survive a round trip. The first 8 bytes choose codec, shape and cuts.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "common/wire/top_k.h"
#include "common/wire/value_codec.h"
#include "common/wire/value_decoder.h"
#include "common/wire/value_encoder.h"
#include "tests/common/wire/pieces.h"
#include "tests/fuzz/cut_bytes.h"

namespace paramd {
namespace {

using Bytes = absl::Span<const uint8_t>;

void Require(bool condition) {
  if (!condition) std::abort();
}

std::vector<float> Decode(ValueCodec codec, ValueShape shape, const ByteReader& segment,
                          size_t max) {
  static auto* decoder = new ValueDecoder;
  decoder->Reset(codec, shape, segment);
  std::vector<float> values;
  while (values.size() < shape.size()) {
    const FloatRun run = decoder->Next(max);
    Require(run.size > 0 && run.size <= max);
    values.resize(values.size() + run.size);
    std::memcpy(values.data() + values.size() - run.size, run.data, run.size * sizeof(float));
  }
  return values;
}

bool AllFinite(const std::vector<float>& values) {
  return std::all_of(values.begin(), values.end(),
                     [](float value) { return std::isfinite(value); });
}

void DecodeArbitrary(ValueCodec codec, ValueShape shape, Bytes bytes, Bytes cuts) {
  const Pieces whole(bytes), cut = CutBytes(bytes, cuts);
  ByteReader whole_bytes = whole.reader(), cut_bytes = cut.reader();
  const auto segment = TakeValues(codec, shape, &whole_bytes);
  const auto cut_segment = TakeValues(codec, shape, &cut_bytes);
  Require(segment.status() == cut_segment.status());
  Require(whole_bytes.remaining() == cut_bytes.remaining());
  if (!segment.ok()) return Require(whole_bytes.remaining() == bytes.size());
  // A few bytes of top-k may stand for a lot of values.
  if (shape.size() > 1'000'000) return;
  const std::vector<float> values = Decode(codec, shape, *segment, FloatSource::kMaxRun);
  Require(AllFinite(values));
  Require(Decode(codec, shape, *cut_segment, 1 + cuts[0]) == values);
}

float Error(ValueCodec codec, float value, float largest) {
  switch (codec) {
    case ValueCodec::kF32:
      return 0;
    case ValueCodec::kBf16:
      return std::max(std::fabs(value) * 0x1p-8f, 0x1p-134f);
    case ValueCodec::kF16:
      return std::max({std::fabs(value) * 0x1p-11f, 0x1p-25f, std::fabs(value) - 65504});
    case ValueCodec::kInt8:
      return std::max(largest / 126, 0x1.01p-126f);
    case ValueCodec::kTopK:
      return std::fabs(value);
  }
  return 0;
}

void RoundTrip(ValueCodec codec, ValueShape shape, Bytes bytes, Bytes cuts) {
  std::vector<float> values(bytes.size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  shape.rows = static_cast<uint32_t>(values.size() / shape.dim);
  values.resize(shape.size());
  std::vector<uint8_t> encoded;
  if (codec == ValueCodec::kTopK) {
    TopKSelector selector;
    const auto positions = selector.Select(values, TopKCount(values.size(), (1 + cuts[0]) / 256.0));
    encoded.resize(EncodedSize(codec, shape, positions.size()));
    EncodeTopK(values, positions, encoded.data());
  } else {
    encoded.resize(EncodedSize(codec, shape));
    EncodeValues(codec, shape, values, cuts[0], encoded.data());
  }
  const Pieces pieces = CutBytes(encoded, cuts);
  ByteReader reader = pieces.reader();
  const auto segment = TakeValues(codec, shape, &reader);
  if (!AllFinite(values)) return Require(!segment.ok());
  Require(segment.ok() && reader.remaining() == 0);
  const std::vector<float> decoded = Decode(codec, shape, *segment, 1 + cuts[1]);
  float largest = 0;
  for (const float value : values) largest = std::max(largest, std::fabs(value));
  for (size_t i = 0; i < values.size(); ++i) {
    Require(std::fabs(decoded[i] - values[i]) <= Error(codec, values[i], largest));
  }
}

}  // namespace
}  // namespace paramd

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 8) return 0;
  const auto codec = static_cast<paramd::ValueCodec>(data[0] % 6);  // one of them unknown
  const paramd::ValueShape shape = {.rows = data[1] + 256u * data[2],
                                    .dim = 1u + data[3] + 256u * (data[4] % 4)};
  const absl::Span<const uint8_t> cuts(data + 5, 3), bytes(data + 8, size - 8);
  paramd::DecodeArbitrary(codec, shape, bytes, cuts);
  if (codec <= paramd::ValueCodec::kTopK) paramd::RoundTrip(codec, shape, bytes, cuts);
  return 0;
}
