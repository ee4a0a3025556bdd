#pragma once

#include <cstdint>

#include "worker/data/digits.h"

namespace paramd {

// Sets `value` to the float nearest to (-1)^negative * number * 10^exponent. False, and `value` is
// as it was, when that takes more than the short way: very large and small numbers, and about one
// in 60 million others.
//
// The short way: the product or quotient is computed in double, where at most three roundings (of
// the number, of the power, of the result) leave it within 3 units in the last of its 53 bits. A
// float has 24 bits; so the double rounds to the same float as the exact value does unless it lies
// within those 3 units of the middle between two floats.
bool ScaleToFloat(uint64_t number, int exponent, bool negative, float* value);

// Takes the number at `p`: sign, digits, point and exponent as in "-12.5e3". Returns where it ends;
// nullptr when there is none, or one that takes ParseFloat: of more than 19 digits, or as above.
// What follows the number is for the caller to look at.
inline const char* TakeDecimal(const char* p, const char* end, float* value) {
  const bool negative = p != end && *p == '-';
  if (p != end && (*p == '-' || *p == '+')) ++p;
  const char* const begin = p;
  uint64_t number = 0;
  p = TakeDigits(p, end, &number);
  int64_t digits = p - begin;
  int64_t exponent = 0;
  if (p != end && *p == '.') {
    const char* const fraction = ++p;
    p = TakeDigits(p, end, &number);
    exponent = fraction - p;
    digits += p - fraction;
  }
  if (digits == 0 || digits > 19) return nullptr;
  if (p != end && (*p | 0x20) == 'e') {
    ++p;
    const bool minus = p != end && *p == '-';
    if (p != end && (*p == '-' || *p == '+')) ++p;
    uint64_t power = 0;
    const char* const after = TakeDigits(p, end, &power);
    if (after == p || after - p > 4) return nullptr;
    exponent += minus ? -static_cast<int64_t>(power) : static_cast<int64_t>(power);
    p = after;
  }
  if (exponent == 0) {
    const float magnitude = static_cast<float>(number);  // rounds to nearest, once
    *value = negative ? -magnitude : magnitude;
    return p;
  }
  return ScaleToFloat(number, static_cast<int>(exponent), negative, value) ? p : nullptr;
}

}  // namespace paramd
