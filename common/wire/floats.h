#pragma once

#include <cstddef>

namespace paramd {

// Some float32 in a row. They lie as they were received: at any alignment, so they are read with
// unaligned loads or memcpy, never through a float*.
struct FloatRun {
  const void* data = nullptr;
  size_t size = 0;
};

// Float32 values in order, from wherever they are: the slices of a message that was received, an
// encoding of them, or an array. Reading past the end is the caller's error. Not thread-safe.
class FloatSource {
 public:
  // Most values that one call gives.
  static constexpr size_t kMaxRun = 4096;

  virtual ~FloatSource() = default;

  // The next values: at least one and at most `max` (> 0), as many as lie in one piece. Valid until
  // the next call.
  virtual FloatRun Next(size_t max) = 0;

  // The next `size` (<= kMaxRun) values, in one piece. Valid until the next call.
  virtual const void* Exactly(size_t size) = 0;

  // Copies the next `size` values to `out`.
  virtual void Read(size_t size, float* out) = 0;
};

// Where float32 values are written in order: an array, or what encodes them. Writing past the end
// is the caller's error. Not thread-safe.
class FloatSink {
 public:
  static constexpr size_t kMaxRun = FloatSource::kMaxRun;

  virtual ~FloatSink() = default;

  // Room for the next `size` (<= kMaxRun) values, aligned as float. It is filled before the next
  // call, or before the sink is finished.
  virtual float* Next(size_t size) = 0;

  // Writes the next `size` values, from where they are.
  virtual void Write(const float* values, size_t size) = 0;
};

}  // namespace paramd
