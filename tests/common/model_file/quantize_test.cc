#include "common/model_file/quantize.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

namespace paramd {
namespace {

TEST_CASE("int8: a scale for each row") {
  const std::vector<float> values = {1, -127, 63.4f, 0, 0, 0, 2.54f, 0.01f, -1.27f};
  const Int8Rows rows = ToInt8(values, 3);
  CHECK(rows.scales[0] == 1);
  CHECK(rows.scales[1] == 0);
  CHECK(rows.values[0] == 1);
  CHECK(rows.values[1] == -127);
  CHECK(rows.values[2] == 63);
  CHECK(rows.values[6] == 127);
  const std::vector<float> back = FromInt8(rows, 3);
  for (size_t i = 0; i < values.size(); ++i) {
    CHECK(std::abs(back[i] - values[i]) <= rows.scales[i / 3] * 0.5001f);
  }
}

TEST_CASE("int8: rows of the smallest and the largest numbers") {
  const std::vector<float> values = {std::numeric_limits<float>::denorm_min() * 100,
                                     -std::numeric_limits<float>::max()};
  const Int8Rows rows = ToInt8(values, 1);
  const std::vector<float> back = FromInt8(rows, 1);
  CHECK(std::isfinite(back[1]));
  CHECK(back[1] == Approx(values[1]));
}

TEST_CASE("bf16: to nearest, ties to even") {
  // 1 + 1/128 is the next number after 1.
  const std::vector<float> values = {1,
                                     1 + 1 / 256.0f,
                                     1 + 3 / 256.0f,
                                     1 + 1.01f / 256,
                                     -1 - 1.01f / 256,
                                     0,
                                     std::numeric_limits<float>::max()};
  const std::vector<float> back = FromBf16(ToBf16(values));
  CHECK(back[0] == 1);
  CHECK(back[1] == 1);
  CHECK(back[2] == 1 + 2 / 128.0f);
  CHECK(back[3] == 1 + 1 / 128.0f);
  CHECK(back[4] == -1 - 1 / 128.0f);
  CHECK(back[5] == 0);
  CHECK(std::isfinite(back[6]));
}

}  // namespace
}  // namespace paramd
