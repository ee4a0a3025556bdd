#include "worker/data/parse_number.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <string>

namespace paramd {
namespace {

float Parsed(const std::string& text) {
  float value = -12345;
  INFO(text);
  REQUIRE(ParseFloat(text, &value));
  return value;
}

TEST_CASE("floats are the nearest ones") {
  CHECK(Parsed("1") == 1.0f);
  CHECK(Parsed("0.1") == 0.1f);
  CHECK(Parsed("-.5") == -0.5f);
  CHECK(Parsed("5.") == 5.0f);
  CHECK(Parsed("+2e3") == 2000.0f);
  CHECK(Parsed("16777217") == 16777216.0f);
  CHECK(Parsed("3.4028234e38") == std::numeric_limits<float>::max());
  // Halfway between two floats: to the even one. One digit more decides otherwise.
  CHECK(Parsed("1.00000005960464477539062500") == 1.0f);
  CHECK(Parsed("1.00000005960464477539062501") == std::nextafter(1.0f, 2.0f));
}

TEST_CASE("a number too small for a float is zero") {
  CHECK(Parsed("1e-60") == 0.0f);
  CHECK(Parsed("1e-400") == 0.0f);
  CHECK(std::signbit(Parsed("-1e-60")));
  CHECK(Parsed("1e-45") == std::numeric_limits<float>::denorm_min());
}

TEST_CASE("what is no finite number is refused") {
  for (const char* text : {"",     "+",        "-",    "+-1",   "++1",   "nan",    "-nan",   "inf",
                           "+inf", "infinity", "1e39", "-1e39", "1e400", "1e-60x", "1e400x", "1 ",
                           " 1",   "1,5",      "0x10", "1e",    "abc",   "1f",     "--1",    "?"}) {
    float value;
    INFO(text);
    CHECK_FALSE(ParseFloat(text, &value));
  }
  float value;
  CHECK_FALSE(ParseFloat(absl::string_view("1\0", 2), &value));
}

TEST_CASE("unsigned numbers take all of 64 bits and nothing else") {
  uint64_t value;
  CHECK((ParseUnsigned("18446744073709551615", &value) && value == ~uint64_t{0}));
  CHECK((ParseUnsigned("+7", &value) && value == 7));
  for (const char* text : {"18446744073709551616", "-1", "", "1.0", "0x1", "1 "}) {
    INFO(text);
    CHECK_FALSE(ParseUnsigned(text, &value));
  }
}

}  // namespace
}  // namespace paramd
