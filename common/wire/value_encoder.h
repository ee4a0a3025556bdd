#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "common/wire/floats.h"
#include "common/wire/value_codec.h"

namespace paramd {

// Writes `values` (shape.size() of them) as one segment to `out`, which has EncodedSize(codec,
// shape) bytes. Any codec but kTopK, which needs a selection (top_k.h). `seed` decides how kInt8
// rounds; the same seed gives the same bytes, and another one independent roundings, so it is
// different for each segment that is sent. Values that are not finite are written such that the
// receiver refuses the segment. Pure function.
void EncodeValues(ValueCodec codec, ValueShape shape, absl::Span<const float> values, uint64_t seed,
                  uint8_t* out);

// The same, for values that are written run after run:
//
//   encoder.Reset(codec, shape, seed, out);
//   while (...) Fill(encoder.Next(size), size);
//   encoder.Finish();
//
// kF32 is written straight to `out`. The others are staged in memory of the encoder, which it keeps
// for the next segment: kMaxRun floats, and with kInt8 at most one group of them more. Borrows
// `out`. Not thread-safe.
class ValueEncoder final : public FloatSink {
 public:
  ValueEncoder() = default;
  ValueEncoder(const ValueEncoder&) = delete;
  ValueEncoder& operator=(const ValueEncoder&) = delete;

  // Starts a segment. `out` is as for EncodeValues, and for kF32 aligned as float.
  void Reset(ValueCodec codec, ValueShape shape, uint64_t seed, uint8_t* out);

  float* Next(size_t size) override;
  void Write(const float* values, size_t size) override;

  // All values of the segment have been written: encodes what is not yet encoded.
  void Finish();

 private:
  // Encodes the first `size` staged values, whole groups or the end of the segment.
  void Encode(size_t size);

  ValueCodec codec_ = ValueCodec::kF32;
  size_t group_ = 1;  // values that must be encoded together
  uint64_t seed_ = 0;
  uint64_t size_ = 0;     // values of the segment
  uint64_t encoded_ = 0;  // values that are encoded
  uint8_t* out_ = nullptr;
  std::vector<float> staged_;
  size_t filled_ = 0;  // staged values
};

}  // namespace paramd
