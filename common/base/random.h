#pragma once

#include <cstdint>

namespace paramd {

// Output function of SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number
// generators", OOPSLA 2014): a bijection that turns a counter into a well-mixed word.
constexpr uint64_t Mix64(uint64_t z) {
  z += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// A counter-based generator: the n-th number of a stream is a pure function of (seed, stream, n),
// the same on every machine and in any order of calls.
constexpr uint64_t CounterRandom(uint64_t seed, uint64_t stream, uint64_t n) {
  return Mix64(Mix64(Mix64(seed) ^ stream) ^ n);
}

// Uniform in [0, 1), from the upper 53 bits.
constexpr double ToUnitInterval(uint64_t random) {
  return static_cast<double>(random >> 11) * 0x1.0p-53;
}

// A sequence of random numbers. Not thread-safe.
class Random {
 public:
  explicit Random(uint64_t seed, uint64_t stream = 0) : seed_(seed), stream_(stream) {}

  uint64_t Next() { return CounterRandom(seed_, stream_, n_++); }
  double NextUnit() { return ToUnitInterval(Next()); }

  // Uniform in [0, bound), bound > 0. Lemire's multiplication; the bias is below bound / 2^64.
  uint64_t NextBelow(uint64_t bound) {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(Next()) * bound) >> 64);
  }

 private:
  uint64_t seed_;
  uint64_t stream_;
  uint64_t n_ = 0;
};

// A number that differs between processes and starts, from the operating system.
uint64_t RandomIncarnation();

}  // namespace paramd
