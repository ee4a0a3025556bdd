#include "common/wire/array_floats.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <vector>

namespace paramd {
namespace {

TEST_CASE("a source gives an array's values in order, a sink takes them") {
  constexpr size_t kSize = 10000;
  std::vector<uint8_t> bytes(kSize * sizeof(float) + 1);
  for (size_t i = 0; i < kSize; ++i) {
    const auto value = static_cast<float>(i);
    std::memcpy(bytes.data() + 1 + i * sizeof(value), &value, sizeof(value));
  }
  ArraySource source(bytes.data() + 1);
  std::vector<float> values(kSize, -1);
  ArraySink sink(values.data());
  const auto copy = [&](const void* data, size_t size) {
    std::memcpy(sink.Next(size), data, size * sizeof(float));
  };
  copy(source.Exactly(5), 5);
  size_t at = 5;
  while (at < kSize) {
    const FloatRun run = source.Next(kSize - at);
    REQUIRE(run.size >= 1);
    REQUIRE(run.size <= std::min(kSize - at, FloatSource::kMaxRun));
    copy(run.data, run.size);
    at += run.size;
  }
  for (size_t i = 0; i < kSize; ++i) REQUIRE(values[i] == static_cast<float>(i));
}

}  // namespace
}  // namespace paramd
