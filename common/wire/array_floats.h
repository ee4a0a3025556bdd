#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "common/wire/floats.h"

namespace paramd {

// Values that lie in one array, which the caller keeps alive.
class ArraySource final : public FloatSource {
 public:
  // `values`: float32[], at any alignment.
  explicit ArraySource(const void* values) : next_(static_cast<const uint8_t*>(values)) {}

  FloatRun Next(size_t max) override {
    const size_t size = std::min(max, kMaxRun);
    return {.data = Exactly(size), .size = size};
  }

  const void* Exactly(size_t size) override {
    const uint8_t* const data = next_;
    next_ += size * sizeof(float);
    return data;
  }

  void Read(size_t size, float* out) override {
    if (size > 0) std::memcpy(out, next_, size * sizeof(float));
    next_ += size * sizeof(float);
  }

 private:
  const uint8_t* next_;
};

// Values go to one array, which the caller keeps alive.
class ArraySink final : public FloatSink {
 public:
  explicit ArraySink(float* values) : next_(values) {}

  float* Next(size_t size) override {
    float* const data = next_;
    next_ += size;
    return data;
  }

  void Write(const float* values, size_t size) override {
    next_ = std::copy_n(values, size, next_);
  }

 private:
  float* next_;
};

}  // namespace paramd
