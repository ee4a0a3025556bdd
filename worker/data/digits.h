#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace paramd {

// Decimal digits, eight characters at a time in a 64-bit word: the first character in the lowest
// byte, as '0' ^ character, so that digits are the bytes from 0 to 9. (SIMD within a register: W.
// Mula, "SWAR: parsing eight digits", 2014; D. Lemire, "Number parsing at a gigabyte per second",
// Software: Practice and Experience 51(8), 2021.)

static_assert(std::endian::native == std::endian::little);

inline constexpr uint64_t kPowersOfTen[] = {1,       10,        100,        1000,       10'000,
                                            100'000, 1'000'000, 10'000'000, 100'000'000};

// The characters [p, p + 8); those from `end` on are no digits.
inline uint64_t LoadDigits(const char* p, const char* end) {
  uint64_t word = 0;
  if (end - p >= 8) [[likely]] {
    std::memcpy(&word, p, 8);
  } else {
    std::memcpy(&word, p, static_cast<size_t>(end - p));
  }
  return word ^ 0x3030303030303030;
}

// How many of the eight are digits before the first that is not. A carry out of a byte that is no
// digit changes only those after it.
inline int CountDigits(uint64_t digits) {
  const uint64_t others = (digits | (digits + 0x7676767676767676)) & 0x8080808080808080;
  return std::countr_zero(others) / 8;
}

// The number that the first `count` (0 to 8) of them write.
inline uint64_t DigitsToNumber(uint64_t digits, int count) {
  digits = digits << 4 * (8 - count) << 4 * (8 - count);  // twice: 64 bits at once are undefined
  digits = (digits * (10 * 256 + 1) >> 8) & 0x00ff00ff00ff00ff;
  digits = (digits * (100 * 65536 + 1) >> 16) & 0x0000ffff0000ffff;
  return digits * ((uint64_t{10000} << 32) + 1) >> 32;
}

// Takes the digits at `p` and returns where they end. *number becomes *number * 10^digits + what
// they write, modulo 2^64.
inline const char* TakeDigits(const char* p, const char* end, uint64_t* number) {
  while (true) {
    const uint64_t digits = LoadDigits(p, end);
    const int count = CountDigits(digits);
    *number = *number * kPowersOfTen[count] + DigitsToNumber(digits, count);
    p += count;
    if (count < 8) return p;
  }
}

}  // namespace paramd
