#include "common/wire/value_kernels.h"

#include <hwy/highway.h>

#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <vector>

#include "common/base/random.h"

namespace paramd {
namespace {

// ---- references, from the definition of the formats

// A binary float of `exponent_bits` and `digits` (of the fraction) in the low bits of `bits`.
double Value(uint32_t bits, int exponent_bits, int digits) {
  const uint32_t fraction = bits & ((1u << digits) - 1);
  const int exponent = static_cast<int>((bits >> digits) & ((1u << exponent_bits) - 1));
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const double sign = (bits >> (digits + exponent_bits)) & 1 ? -1 : 1;
  if (exponent == (1 << exponent_bits) - 1) {
    return fraction == 0 ? sign * std::numeric_limits<double>::infinity()
                         : std::numeric_limits<double>::quiet_NaN();
  }
  if (exponent == 0) return sign * std::ldexp(fraction, 1 - bias - digits);
  return sign * std::ldexp((1u << digits) + fraction, exponent - bias - digits);
}

double Bf16Value(uint32_t bits) { return Value(bits, 8, 7); }
double F16Value(uint32_t bits) { return Value(bits, 5, 10); }

// The bits of the finite value nearest to `value`, ties to even bits, found by bisection.
uint16_t Nearest(float value, uint16_t largest, double (*value_of)(uint32_t)) {
  const double magnitude = std::fabs(static_cast<double>(value));
  uint32_t low = 0, high = largest;  // value_of(low) <= magnitude, or magnitude is too large
  while (low < high) {
    const uint32_t middle = (low + high + 1) / 2;
    if (value_of(middle) <= magnitude) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  if (low < largest) {
    const double below = magnitude - value_of(low), above = value_of(low + 1) - magnitude;
    if (above < below || (above == below && low % 2 == 1)) ++low;
  }
  return static_cast<uint16_t>(low | (std::signbit(value) ? 0x8000 : 0));
}

struct Half {
  std::function<void(const float*, size_t, uint8_t*)> encode;
  std::function<void(const uint8_t*, size_t, float*)> decode;
  double (*value_of)(uint32_t);
  uint16_t largest;
};

const Half kBf16 = {EncodeBf16, DecodeBf16, Bf16Value, 0x7f7f};
const Half kF16 = {EncodeF16, DecodeF16, F16Value, 0x7bff};

std::vector<uint16_t> Encode(const Half& half, const std::vector<float>& values) {
  std::vector<uint16_t> out(values.size());
  half.encode(values.data(), values.size(), reinterpret_cast<uint8_t*>(out.data()));
  return out;
}

std::vector<float> AllKinds() {
  std::vector<float> values;
  // Around every boundary between two exponents and every power of two down to the smallest.
  for (int exponent = -149; exponent <= 127; ++exponent) {
    for (const float factor : {1.0f, 1.5f, 1 + 0x1p-11f, 1 + 0x1p-10f, 1 + 0x1p-8f, 1 + 0x1p-7f,
                               1 + 0x3p-11f, 1 + 0x3p-8f, 2 - 0x1p-8f, 2 - 0x1p-11f}) {
      const float value = std::ldexp(factor, exponent);
      for (const float near : {std::nextafter(value, 0.0f), value,
                               std::nextafter(value, std::numeric_limits<float>::max())}) {
        values.push_back(near);
        values.push_back(-near);
      }
    }
  }
  for (const float value :
       {0.0f, -0.0f, 65504.0f, 65519.996f, 65520.0f, 65536.0f, 1e6f, FLT_MAX, FLT_MIN, FLT_TRUE_MIN,
        std::bit_cast<float>(0x7f7f7fffu), std::bit_cast<float>(0x7f7f8000u)}) {
    values.push_back(value);
    values.push_back(-value);
  }
  Random random(1);
  while (values.size() < 300'000) {
    const auto bits = static_cast<uint32_t>(random.Next());
    const float value = std::bit_cast<float>(bits);
    if (std::isfinite(value)) values.push_back(value);
    // In the range of float16, where most random bits are not.
    const float small = std::bit_cast<float>((bits & 0x80ffffff) | ((102 + bits % 42) << 23));
    values.push_back(small);
  }
  return values;
}

TEST_CASE("16-bit floats: every pattern decodes to its value") {
  for (const Half& half : {kBf16, kF16}) {
    std::vector<uint16_t> patterns(1 << 16);
    for (size_t i = 0; i < patterns.size(); ++i) patterns[i] = static_cast<uint16_t>(i);
    std::vector<float> values(patterns.size());
    half.decode(reinterpret_cast<const uint8_t*>(patterns.data()), patterns.size(), values.data());
    size_t wrong = 0;
    for (size_t i = 0; i < patterns.size(); ++i) {
      const double expected = half.value_of(static_cast<uint32_t>(i));
      wrong += std::isnan(expected) ? !std::isnan(values[i])
                                    : std::bit_cast<uint64_t>(static_cast<double>(values[i])) !=
                                          std::bit_cast<uint64_t>(expected);
    }
    CHECK(wrong == 0);
    // And what is decoded is encoded as it was; a signalling NaN becomes a quiet one.
    const std::vector<uint16_t> again = Encode(half, values);
    for (size_t i = 0; i < patterns.size(); ++i) {
      wrong += std::isnan(values[i]) ? !std::isnan(half.value_of(again[i])) : again[i] != i;
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("16-bit floats: values are rounded to the nearest, ties to even, the largest kept") {
  const std::vector<float> values = AllKinds();
  for (const Half& half : {kBf16, kF16}) {
    const std::vector<uint16_t> encoded = Encode(half, values);
    for (size_t i = 0; i < values.size(); ++i) {
      const uint16_t expected = Nearest(values[i], half.largest, half.value_of);
      if (encoded[i] == expected) continue;
      INFO(values[i]);
      REQUIRE(encoded[i] == expected);
    }
  }
}

TEST_CASE("16-bit floats: infinity stays infinity and NaN stays NaN") {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const Half& half : {kBf16, kF16}) {
    // In whole vectors and in the rest.
    for (const size_t size : {1, 64}) {
      for (const uint32_t nan : {0x7f800001u, 0xff800001u, 0x7fc00000u, 0xffffffffu, 0x7fffe000u}) {
        const std::vector<float> values(size, std::bit_cast<float>(nan));
        for (const uint16_t bits : Encode(half, values)) CHECK(std::isnan(half.value_of(bits)));
      }
      CHECK(half.value_of(Encode(half, std::vector<float>(size, infinity))[0]) == infinity);
      CHECK(half.value_of(Encode(half, std::vector<float>(size, -infinity))[0]) == -infinity);
    }
  }
}

TEST_CASE("16-bit floats: neither alignment nor length changes a value") {
  Random random(2);
  std::vector<float> values(70);
  for (float& value : values) value = static_cast<float>(random.NextUnit() - 0.5);
  for (const Half& half : {kBf16, kF16}) {
    const std::vector<uint16_t> whole = Encode(half, values);
    std::vector<float> decoded(values.size());
    half.decode(reinterpret_cast<const uint8_t*>(whole.data()), whole.size(), decoded.data());
    for (size_t size = 0; size <= values.size(); ++size) {
      // One byte more on each side, which must not change.
      std::vector<uint8_t> bytes(2 * size + 2, 0xaa);
      half.encode(values.data(), size, bytes.data() + 1);
      CHECK(std::memcmp(bytes.data() + 1, whole.data(), 2 * size) == 0);
      CHECK(bytes.front() == 0xaa);
      CHECK(bytes.back() == 0xaa);
      std::vector<float> some(size + 1, -7);
      half.decode(bytes.data() + 1, size, some.data());
      CHECK(std::equal(some.begin(), some.end() - 1, decoded.begin()));
      CHECK(some.back() == -7);
    }
  }
}

TEST_CASE("values that are not finite are found wherever they are") {
  const auto check = [](auto all_finite, auto good, auto bad) {
    using T = decltype(good);
    for (size_t size = 0; size <= 70; ++size) {
      std::vector<uint8_t> bytes(sizeof(T) * size + 1);
      const auto put = [&](size_t i, T value) {
        std::memcpy(bytes.data() + 1 + i * sizeof(T), &value, sizeof(T));
      };
      for (size_t i = 0; i < size; ++i) put(i, good);
      CHECK(all_finite(bytes.data() + 1, size));
      for (size_t i = 0; i < size; ++i) {
        put(i, bad);
        CHECK_FALSE(all_finite(bytes.data() + 1, size));
        put(i, good);
      }
    }
  };
  check(AllFiniteF32, FLT_MAX, std::numeric_limits<float>::infinity());
  check(AllFiniteF32, -FLT_MAX, std::bit_cast<float>(0xff800001u));
  check(AllFiniteBf16, uint16_t{0xff7f}, uint16_t{0xff80});
  check(AllFiniteBf16, uint16_t{0x7f7f}, uint16_t{0x7fff});
  check(AllFiniteF16, uint16_t{0xfbff}, uint16_t{0xfc00});
  check(AllFiniteF16, uint16_t{0x7bff}, uint16_t{0x7c01});
  check(AllInt8, uint8_t{0x81}, uint8_t{0x80});
  check(AllInt8, uint8_t{0x7f}, uint8_t{0x80});
}

// ---- int8

struct Int8Group {
  float scale;
  std::vector<int8_t> values;
};

Int8Group EncodeGroup(const std::vector<float>& values, uint64_t seed, uint32_t first = 0) {
  std::vector<uint8_t> bytes(4 + values.size());
  EncodeInt8Groups(values.data(), values.size(), values.size(), seed, first, bytes.data());
  Int8Group group = {.values = std::vector<int8_t>(values.size())};
  std::memcpy(&group.scale, bytes.data(), 4);
  std::memcpy(group.values.data(), bytes.data() + 4, values.size());
  return group;
}

// The reference of value `i` of a group whose first value has the number `first`, operation for
// operation.
int Round(float value, float scale, uint64_t seed, uint32_t first, uint32_t i) {
  const uint64_t key = Mix64(seed);
  uint32_t x = (first + i / 32 * 16 + i % 16) ^ static_cast<uint32_t>(key);
  x = (x ^ (x >> 16)) * 0x7feb352d;
  x += static_cast<uint32_t>(key >> 32);
  x = (x ^ (x >> 15)) * 0x846ca68b;
  x ^= x >> 16;
  const uint32_t half = i % 32 < 16 ? x & 0xffff : x >> 16;
  const float scaled = value * (1 / scale);
  const float rounded = std::floor(scaled + static_cast<float>(half) / 65536);
  return static_cast<int>(std::clamp(rounded, -127.0f, 127.0f));
}

std::vector<float> Normal(size_t size, uint64_t seed, float scale = 1) {
  Random random(seed);
  std::vector<float> values(size);
  for (float& value : values) {
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += random.NextUnit();
    value = static_cast<float>(sum) * scale;
  }
  return values;
}

TEST_CASE("int8: as the reference, whatever the length and the cut into calls") {
  const std::vector<float> values = Normal(1000, 3);
  for (const size_t group : {1, 2, 15, 16, 17, 64, 66, 126, 1000}) {
    std::vector<uint8_t> bytes(values.size() + 4 * ((values.size() + group - 1) / group));
    EncodeInt8Groups(values.data(), values.size(), group, 77, 5, bytes.data());
    const uint8_t* at = bytes.data();
    for (size_t begin = 0; begin < values.size(); begin += group) {
      const size_t size = std::min(group, values.size() - begin);
      float largest = 0, scale;
      for (size_t i = 0; i < size; ++i) largest = std::max(largest, std::fabs(values[begin + i]));
      std::memcpy(&scale, at, 4);
      REQUIRE(scale == largest / 127);
      for (size_t i = 0; i < size; ++i) {
        const auto first = static_cast<uint32_t>(5 + begin);
        REQUIRE(int{static_cast<int8_t>(at[4 + i])} ==
                Round(values[begin + i], scale, 77, first, static_cast<uint32_t>(i)));
      }
      // The same group in a call of its own.
      std::vector<uint8_t> alone(4 + size);
      EncodeInt8Groups(values.data() + begin, size, group, 77, static_cast<uint32_t>(5 + begin),
                       alone.data());
      REQUIRE(std::memcmp(alone.data(), at, 4 + size) == 0);
      std::vector<float> decoded(size);
      DecodeInt8(at + 4, size, scale, decoded.data());
      for (size_t i = 0; i < size; ++i) {
        REQUIRE(decoded[i] == scale * static_cast<float>(static_cast<int8_t>(at[4 + i])));
      }
      at += 4 + size;
    }
    CHECK(at == bytes.data() + bytes.size());
  }
}

TEST_CASE("int8: no value is off by more than the scale, at any magnitude") {
  for (const float magnitude : {1e-44f, 1e-40f, FLT_MIN, 1e-30f, 1.0f, 1e30f, 7e37f}) {
    const std::vector<float> values = Normal(5000, 4, magnitude);
    for (uint64_t seed = 0; seed < 20; ++seed) {
      const Int8Group group = EncodeGroup(values, seed);
      REQUIRE(group.scale >= kMinInt8Scale);
      for (size_t i = 0; i < values.size(); ++i) {
        const double decoded = static_cast<double>(group.scale) * group.values[i];
        // The inverse of the scale is rounded: 127 steps may be off by two parts in 2^24.
        REQUIRE(std::fabs(decoded - values[i]) <= group.scale * (1 + 0x1p-15));
        REQUIRE(group.values[i] != -128);
      }
    }
  }
}

TEST_CASE("int8: the mean over many roundings is the value") {
  std::vector<float> values = Normal(256, 5);
  values[0] = 0;
  constexpr int kSeeds = 4000;
  std::vector<double> sum(values.size());
  float scale = 0;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const Int8Group group = EncodeGroup(values, seed);
    scale = group.scale;
    for (size_t i = 0; i < values.size(); ++i) sum[i] += group.scale * group.values[i];
  }
  // A rounding has a standard deviation of at most scale / 2; five of the mean's.
  const double bound = 5 * scale / 2 / std::sqrt(kSeeds);
  double total = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    CHECK(std::fabs(sum[i] / kSeeds - values[i]) < bound);
    total += sum[i] / kSeeds - values[i];
  }
  CHECK(sum[0] == 0);
  CHECK(std::fabs(total / static_cast<double>(values.size())) < bound / 16);
}

TEST_CASE("int8: roundings of neighbours and of neighbouring seeds are not related") {
  // 127 sets the scale to 1; all others are rounded up with a probability of 1 / 2.
  constexpr size_t kSize = 1 << 16;
  std::vector<float> values(kSize, 0.5f);
  values[0] = 127;
  std::vector<int8_t> before(kSize);
  for (uint64_t seed = 0; seed < 8; ++seed) {
    const Int8Group group = EncodeGroup(values, seed);
    REQUIRE(group.scale == 1);
    double up = 0, pairs = 0, seeds = 0;
    for (size_t i = 1; i + 1 < kSize; ++i) {
      up += group.values[i];
      pairs += group.values[i] == group.values[i + 1];
      seeds += group.values[i] == before[i];
    }
    const double mean = kSize / 2.0, five = 5 * std::sqrt(kSize) / 2;
    CHECK(std::fabs(up - mean) < five);
    CHECK(std::fabs(pairs - mean) < five);
    if (seed > 0) CHECK(std::fabs(seeds - mean) < five);
    before = group.values;
  }
}

// ---- instruction sets

// All that the kernels compute from `size` arbitrary values.
std::vector<uint8_t> Everything(size_t size) {
  Random random(size);
  std::vector<float> values(size);
  for (float& value : values) {
    value = std::bit_cast<float>(static_cast<uint32_t>(random.Next()) & 0xbfffffff);
  }
  std::vector<uint8_t> halves(2 * size), groups(5 * size), all;
  std::vector<float> decoded(size);
  const auto add = [&](const auto& array) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(array.data());
    all.insert(all.end(), bytes, bytes + array.size() * sizeof(array[0]));
  };
  for (const Half& half : {kBf16, kF16}) {
    half.encode(values.data(), size, halves.data());
    half.decode(halves.data(), size, decoded.data());
    add(halves);
    add(decoded);
  }
  EncodeInt8Groups(values.data(), size, 66, 9, 1, groups.data());
  DecodeInt8(groups.data() + 4, size, 0.37f, decoded.data());
  add(groups);
  add(decoded);
  for (size_t n = 0; n <= size; ++n) {
    all.push_back(AllFiniteF32(groups.data(), n) + 2 * AllFiniteBf16(groups.data(), n) +
                  4 * AllFiniteF16(groups.data(), n) + 8 * AllInt8(groups.data(), n));
  }
  return all;
}

TEST_CASE("every instruction set computes the same") {
  const auto use = [](int64_t targets) {
    hwy::SetSupportedTargetsForTest(targets);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  };
  const std::vector<int64_t> targets = hwy::SupportedAndGeneratedTargets();
  for (const size_t size : {1, 7, 66, 1000}) {
    const std::vector<uint8_t> best = Everything(size);
    for (const int64_t target : targets) {
      INFO(hwy::TargetName(target));
      use(target);
      CHECK(Everything(size) == best);
      use(0);
    }
  }
}

TEST_CASE("int8: the ends of the range") {
  SECTION("whole steps are exact") {
    std::vector<float> values;
    for (int i = -127; i <= 127; ++i) values.push_back(static_cast<float>(i) / 4);
    const Int8Group group = EncodeGroup(values, 6);
    CHECK(group.scale == 0.25f);
    for (int i = -127; i <= 127; ++i) CHECK(group.values[i + 127] == i);
    // And neither the smallest nor the largest random number moves them.
    for (uint64_t seed = 0; seed < 1000; ++seed) {
      REQUIRE(EncodeGroup({1, 127, -127, -1, 64}, seed).values ==
              std::vector<int8_t>{1, 127, -127, -1, 64});
    }
  }
  SECTION("zeros") {
    const Int8Group group = EncodeGroup({0.0f, -0.0f, 0.0f}, 6);
    CHECK(std::bit_cast<uint32_t>(group.scale) == 0);
    CHECK(group.values == std::vector<int8_t>{0, 0, 0});
  }
  SECTION("the largest floats stay finite") {
    const Int8Group group = EncodeGroup({FLT_MAX, -FLT_MAX}, 6);
    CHECK(group.scale == kMaxInt8Scale);
    CHECK(group.values == std::vector<int8_t>{127, -127});
    CHECK(std::isfinite(127 * kMaxInt8Scale));
    CHECK(std::isinf(127 * std::nextafter(kMaxInt8Scale, FLT_MAX)));
  }
  SECTION("what is not finite is told by the scale") {
    for (const size_t size : {1, 100}) {
      std::vector<float> values(size, 1.0f);
      values.back() = -std::numeric_limits<float>::infinity();
      CHECK(std::isinf(EncodeGroup(values, 6).scale));
      values.front() = std::numeric_limits<float>::quiet_NaN();
      CHECK(std::isnan(EncodeGroup(values, 6).scale));
      CHECK(EncodeGroup(values, 6).values == std::vector<int8_t>(size, 0));
    }
  }
}

}  // namespace
}  // namespace paramd
