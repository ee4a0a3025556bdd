#include "worker/data/take_decimal.h"

#include <bit>
#include <catch2/catch.hpp>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "worker/data/digits.h"
#include "worker/data/parse_number.h"

namespace paramd {
namespace {

uint32_t Bits(float x) { return std::bit_cast<uint32_t>(x); }

// The same bits as strtof, taken the short way or not; returns whether it was the short one.
bool CheckAgainstStrtof(const std::string& text) {
  const float expected = std::strtof(text.c_str(), nullptr);
  float parsed = -12345;
  const bool finite = ParseFloat(text, &parsed);
  float taken = -12345;
  const char* const end = text.data() + text.size();
  const char* const after = TakeDecimal(text.data(), end, &taken);
  const bool same = finite == std::isfinite(expected) &&
                    (!finite || Bits(parsed) == Bits(expected)) &&
                    (after == nullptr || (after == end && Bits(taken) == Bits(expected)));
  if (!same) {
    INFO(text << ": expected " << expected << ", got " << parsed << " and " << taken);
    CHECK(same);
  }
  return after != nullptr;
}

std::string RandomDigits(Random& random, uint64_t count) {
  std::string digits;
  while (count-- > 0) digits += static_cast<char>('0' + random.NextBelow(10));
  return digits;
}

template <typename... Format>
std::string Print(Format... number) {
  char text[400];
  return {text, std::to_chars(text, text + sizeof(text), number...).ptr};
}

float RandomFloat(Random& random) {
  while (true) {
    const float x = std::bit_cast<float>(static_cast<uint32_t>(random.Next()));
    if (std::isfinite(x)) return x;
  }
}

TEST_CASE("decimals of every length, point and exponent are those of strtof") {
  Random random(1);
  int taken = 0;
  constexpr int kNumbers = 200000;
  for (int i = 0; i < kNumbers; ++i) {
    std::string text = random.NextBelow(2) == 0 ? "-" : "";
    text += RandomDigits(random, 1 + random.NextBelow(10));
    if (random.NextBelow(4) != 0) text += "." + RandomDigits(random, random.NextBelow(12));
    if (random.NextBelow(3) == 0) {
      absl::StrAppend(&text, random.NextBelow(2) == 0 ? "e" : "E",
                      static_cast<int>(random.NextBelow(100)) - 50);
    }
    taken += CheckAgainstStrtof(text);
  }
  CHECK(taken > kNumbers / 2);
}

TEST_CASE("floats of every size, printed in full and short") {
  Random random(2);
  for (int i = 0; i < 100000; ++i) {
    const float x = RandomFloat(random);
    CheckAgainstStrtof(Print(x));
    CheckAgainstStrtof(Print(x, std::chars_format::scientific, 16));
    CheckAgainstStrtof(Print(std::ldexp(x, -static_cast<int>(random.NextBelow(30)))));
    CheckAgainstStrtof(Print(random.NextUnit()));
    CheckAgainstStrtof(Print(random.NextUnit() * 1e6, std::chars_format::fixed, 6));
  }
}

TEST_CASE("the middle between two floats, to every digit and one unit beside it") {
  Random random(3);
  for (int i = 0; i < 50000; ++i) {
    const float x = std::ldexp(1 + static_cast<float>(random.NextUnit()),
                               static_cast<int>(random.NextBelow(40)) - 20);
    const double middle =
        (static_cast<double>(x) + static_cast<double>(std::nextafter(x, 1e30f))) / 2;
    std::string text = Print(middle, std::chars_format::fixed);
    if (text.find('.') == std::string::npos) text += ".0";
    CheckAgainstStrtof(text);
    CheckAgainstStrtof(text + "0000000001");
    text.back() = static_cast<char>(text.back() == '0' ? '1' : text.back() - 1);
    CheckAgainstStrtof(text);
    for (const int digits : {15, 17, 18, 19}) {
      CheckAgainstStrtof(Print(middle, std::chars_format::scientific, digits));
      CheckAgainstStrtof(Print(middle, std::chars_format::fixed, digits - 8));
    }
  }
}

TEST_CASE("the limits of floats") {
  for (const char* text : {"0",
                           "-0",
                           "0.0",
                           "-0.000e5",
                           "00000000000000000000001",
                           "0.00000000000000000000000001",
                           "16777216",
                           "16777217",
                           "16777219",
                           "9007199254740993",
                           "9999999999999999999",
                           "18446744073709551615",
                           "18446744073709551616",
                           "340282346638528859811704183484516925440",
                           "3.4028234e38",
                           "3.4028235e38",
                           "3.4028236e38",
                           "340282356779733661637539395458142568447",
                           "340282356779733661637539395458142568448",
                           "1.17549435e-38",
                           "1.1754943e-38",
                           "1e-38",
                           "1.4e-45",
                           "7.006492321624085e-46",
                           "7.006492321624086e-46",
                           "1e-400",
                           "1e38",
                           "1e39",
                           "1e-5",
                           "123456789e-30",
                           "1e00000000005",
                           "1e4294967296",
                           "1.e1",
                           ".5",
                           "5."}) {
    CheckAgainstStrtof(text);
  }
}

TEST_CASE("where a number ends, and what is none") {
  const auto taken = [](const std::string& text) {
    float value;
    const char* const after = TakeDecimal(text.data(), text.data() + text.size(), &value);
    return after == nullptr ? -1 : after - text.data();
  };
  CHECK(taken("12 ") == 2);
  CHECK(taken("12.5:3") == 4);
  CHECK(taken("-1.5e+3,") == 7);
  CHECK(taken("123456789012,") == 12);
  CHECK(taken("1.2.3") == 3);
  CHECK(taken("1\xff"
              "2") == 1);
  for (const char* text : {"", "-", "+", ".", "-.", "e5", "1e", "1e+", "1ex", "x", "nan", "--1",
                           "\xff", "12345678901234567890"}) {
    INFO(text);
    CHECK(taken(text) == -1);
  }
}

TEST_CASE("nothing is read from the end on") {
  // A digit follows each text; it is not part of it.
  for (size_t size = 1; size < 20; ++size) {
    const std::string text = std::string(size, '1') + "9";
    uint64_t number = 0;
    const char* const end = text.data() + size;
    CHECK(TakeDigits(text.data(), end, &number) == end);
    CHECK(number == std::stoull(text.substr(0, size)));
  }
}

TEST_CASE("every digit at every place is read as what it is, and no other character is one") {
  for (int place = 0; place < 8; ++place) {
    for (int c = 0; c < 256; ++c) {
      std::string text = "11111111";
      text[place] = static_cast<char>(c);
      const bool digit = c >= '0' && c <= '9';
      const uint64_t word = LoadDigits(text.data(), text.data() + 8);
      REQUIRE(CountDigits(word) == (digit ? 8 : place));
      if (digit) REQUIRE(DigitsToNumber(word, 8) == std::stoull(text));
      REQUIRE(DigitsToNumber(word, place) == (place == 0 ? 0 : std::stoull(text.substr(0, place))));
    }
  }
}

}  // namespace
}  // namespace paramd
