#include "common/wire/value_kernels.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "common/base/random.h"

// This file is compiled once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "common/wire/value_kernels.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h.
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace paramd {
namespace {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Calls op(tag, i) for all i < size: whole vectors, then one by one, so that nothing is read or
// written behind the end and both do the same arithmetic.
template <class Op>
HWY_ATTR void ForEach(size_t size, const Op& op) {
  const hn::ScalableTag<float> whole;
  const hn::CappedTag<float, 1> single;
  size_t i = 0;
  for (; i + hn::Lanes(whole) <= size; i += hn::Lanes(whole)) op(whole, i);
  for (; i < size; ++i) op(single, i);
}

// Vectors of any type from and to bytes at any alignment.
template <class D>
HWY_ATTR hn::Vec<D> LoadBytes(D d, const uint8_t* bytes) {
#if HWY_TARGET == HWY_SCALAR  // has no vectors of bytes
  hn::TFromD<D> value;
  std::memcpy(&value, bytes, sizeof(value));
  return hn::Set(d, value);
#else
  return hn::BitCast(d, hn::LoadU(hn::Repartition<uint8_t, D>(), bytes));
#endif
}

template <class D>
HWY_ATTR void StoreBytes(D d, hn::Vec<D> v, uint8_t* bytes) {
#if HWY_TARGET == HWY_SCALAR
  const hn::TFromD<D> value = hn::GetLane(v);
  std::memcpy(bytes, &value, sizeof(value));
#else
  const hn::Repartition<uint8_t, D> d8;
  hn::StoreU(hn::BitCast(d8, v), d8, bytes);
#endif
}

// Stores the lower halves of lanes that are below 2^16.
template <class DU>
HWY_ATTR void StoreHalves(DU du, hn::Vec<DU> v, uint8_t* bytes) {
  const hn::Rebind<uint16_t, DU> d16;
  StoreBytes(d16, hn::DemoteTo(d16, hn::BitCast(hn::RebindToSigned<DU>(), v)), bytes);
}

HWY_ATTR void EncodeBf16(const float* values, size_t size, uint8_t* out) {
  ForEach(size, [=](auto d, size_t i) HWY_ATTR {
    const hn::RebindToUnsigned<decltype(d)> du;
    const auto bits = hn::BitCast(du, hn::LoadU(d, values + i));
    const auto magnitude = hn::And(bits, hn::Set(du, 0x7fffffff));
    const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1));
    const auto nearest = hn::ShiftRight<16>(hn::Add(bits, hn::Add(odd, hn::Set(du, 0x7fff))));
    if (HWY_LIKELY(hn::AllTrue(d, hn::Lt(hn::BitCast(d, magnitude), hn::Set(d, 0x1.ffp127f))))) {
      return StoreHalves(du, nearest, out + 2 * i);
    }
    // Some would round to infinity, or are not finite.
    const auto sign = hn::ShiftRight<16>(hn::Xor(bits, magnitude));
    const auto finite = hn::Min(hn::Xor(nearest, sign), hn::Set(du, 0x7f7f));
    const auto infinity = hn::Set(du, 0x7f800000);
    const auto quiet = hn::IfThenElseZero(hn::Gt(magnitude, infinity), hn::Set(du, 0x40));
    const auto special = hn::Or(hn::ShiftRight<16>(magnitude), quiet);
    const auto rounded = hn::IfThenElse(hn::Lt(magnitude, infinity), finite, special);
    StoreHalves(du, hn::Or(rounded, sign), out + 2 * i);
  });
}

HWY_ATTR void DecodeBf16(const uint8_t* bytes, size_t size, float* out) {
  ForEach(size, [=](auto d, size_t i) HWY_ATTR {
    const hn::RebindToUnsigned<decltype(d)> du;
    const hn::Rebind<uint16_t, decltype(d)> d16;
    const auto halves = hn::PromoteTo(du, LoadBytes(d16, bytes + 2 * i));
    hn::StoreU(hn::BitCast(d, hn::ShiftLeft<16>(halves)), d, out + i);
  });
}

// Not by the CPU's conversion: it makes infinity of what is too large, and not every CPU has it.
HWY_ATTR void EncodeF16(const float* values, size_t size, uint8_t* out) {
  ForEach(size, [=](auto d, size_t i) HWY_ATTR {
    const hn::RebindToUnsigned<decltype(d)> du;
    const auto bits = hn::BitCast(du, hn::LoadU(d, values + i));
    const auto magnitude = hn::And(bits, hn::Set(du, 0x7fffffff));
    const auto sign = hn::Xor(bits, magnitude);
    // The exponent's bias goes from 127 to 15, and half a unit of the last place is added.
    const auto odd = hn::And(hn::ShiftRight<13>(bits), hn::Set(du, 1));
    const auto bias = hn::Set(du, 0xfffu - (112u << 23));
    const auto nearest = hn::ShiftRight<13>(hn::Add(magnitude, hn::Add(odd, bias)));
    const auto normal = hn::Min(nearest, hn::Set(du, 0x7bff));
    // Below 2^-14: adding 0.5, whose last place is that of the subnormals, 2^-24, rounds.
    const auto half = hn::Set(d, 0.5f);
    const auto sum = hn::Add(hn::BitCast(d, magnitude), half);
    const auto subnormal = hn::Sub(hn::BitCast(du, sum), hn::BitCast(du, half));
    const auto finite =
        hn::IfThenElse(hn::Lt(magnitude, hn::Set(du, 113u << 23)), subnormal, normal);
    const auto infinity = hn::Set(du, 0x7f800000);
    const auto quiet = hn::IfThenElseZero(hn::Gt(magnitude, infinity), hn::Set(du, 0x200));
    const auto digits = hn::And(hn::ShiftRight<13>(magnitude), hn::Set(du, 0x3ff));
    const auto special = hn::Or(hn::Or(digits, quiet), hn::Set(du, 0x7c00));
    const auto rounded = hn::IfThenElse(hn::Lt(magnitude, infinity), finite, special);
    StoreHalves(du, hn::Or(rounded, hn::ShiftRight<16>(sign)), out + 2 * i);
  });
}

HWY_ATTR void DecodeF16(const uint8_t* bytes, size_t size, float* out) {
  ForEach(size, [=](auto d, size_t i) HWY_ATTR {
    const hn::RebindToUnsigned<decltype(d)> du;
    const hn::Rebind<uint16_t, decltype(d)> d16;
    const auto bits = hn::PromoteTo(du, LoadBytes(d16, bytes + 2 * i));
    const auto magnitude = hn::And(bits, hn::Set(du, 0x7fff));
    const auto sign = hn::ShiftLeft<16>(hn::Xor(bits, magnitude));
    const auto shifted = hn::ShiftLeft<13>(magnitude);
    // The exponent's bias goes from 15 to 127; all ones stay all ones.
    const auto normal = hn::Add(shifted, hn::Set(du, 112u << 23));
    const auto special = hn::Add(normal, hn::Set(du, 112u << 23));
    // Subnormals: as digits behind a one of 2^-14, which is taken away again.
    const auto one = hn::Set(du, 113u << 23);
    const auto subnormal =
        hn::BitCast(du, hn::Sub(hn::BitCast(d, hn::Add(shifted, one)), hn::BitCast(d, one)));
    const auto finite = hn::IfThenElse(hn::Lt(magnitude, hn::Set(du, 0x400)), subnormal, normal);
    const auto value = hn::IfThenElse(hn::Lt(magnitude, hn::Set(du, 0x7c00)), finite, special);
    hn::StoreU(hn::BitCast(d, hn::Or(value, sign)), d, out + i);
  });
}

// The bits of the largest magnitude, as a number: NaN is above infinity, infinity above the rest.
HWY_ATTR uint32_t LargestMagnitude(const float* values, size_t size) {
  const hn::ScalableTag<uint32_t> du;
  const hn::RebindToFloat<decltype(du)> d;
  const auto mask = hn::Set(du, 0x7fffffff);
  auto largest = hn::Zero(du);
  size_t i = 0;
  for (; i + hn::Lanes(du) <= size; i += hn::Lanes(du)) {
    largest = hn::Max(largest, hn::And(hn::BitCast(du, hn::LoadU(d, values + i)), mask));
  }
  uint32_t result = hn::GetLane(hn::MaxOfLanes(du, largest));
  for (; i < size; ++i) {
    uint32_t bits;
    std::memcpy(&bits, values + i, sizeof(bits));
    result = std::max(result, bits & 0x7fffffff);
  }
  return result;
}

// A uniform 32-bit number for each counter: the mixing function "lowbias32" (C. Wellons,
// "Prospecting for hash functions", 2018) with the two halves of a key put in.
template <class DU>
HWY_ATTR hn::Vec<DU> RandomBits(DU du, uint64_t key, hn::Vec<DU> counter) {
  auto x = hn::Xor(counter, hn::Set(du, static_cast<uint32_t>(key)));
  x = hn::Mul(hn::Xor(x, hn::ShiftRight<16>(x)), hn::Set(du, 0x7feb352d));
  x = hn::Add(x, hn::Set(du, static_cast<uint32_t>(key >> 32)));
  x = hn::Mul(hn::Xor(x, hn::ShiftRight<15>(x)), hn::Set(du, 0x846ca68b));
  return hn::Xor(x, hn::ShiftRight<16>(x));
}

// floor(values[i] / scale + random[i] / 2^16): up with a probability of the fraction, otherwise
// down.
template <class D>
HWY_INLINE void RoundVector(D d, const float* values, float inverse,
                            hn::Vec<hn::RebindToUnsigned<D>> random, uint8_t* out) {
  const hn::RebindToSigned<D> di;
  const hn::Rebind<int8_t, D> d8;
  const auto unit = hn::Mul(hn::ConvertTo(d, hn::BitCast(di, random)), hn::Set(d, 0x1p-16f));
  const auto x = hn::Mul(hn::LoadU(d, values), hn::Set(d, inverse));
  const auto rounded = hn::Floor(hn::Add(x, unit));
  // The inverse is rounded, so the largest value may come out a little above 127.
  const auto bounded = hn::Min(hn::Max(rounded, hn::Set(d, -127.0f)), hn::Set(d, 127.0f));
  StoreBytes(d8, hn::DemoteTo(d8, hn::ConvertTo(di, bounded)), out);
}

// Values of a group in blocks of 32: the lower halves of 16 random numbers are for the first 16
// values, the upper halves for the others.
HWY_ATTR void RoundToInt8(const float* values, size_t size, float scale, uint64_t key,
                          uint32_t first, uint8_t* out) {
  constexpr size_t kHalf = 16;
  const float inverse = 1 / scale;
  const hn::CappedTag<float, kHalf> d;
  const hn::RebindToUnsigned<decltype(d)> du;
  size_t i = 0;
  for (; i + 2 * kHalf <= size; i += 2 * kHalf) {
    for (size_t j = 0; j < kHalf; j += hn::Lanes(d)) {
      const auto counter = hn::Iota(du, first + static_cast<uint32_t>(i / 2 + j));
      const auto random = RandomBits(du, key, counter);
      RoundVector(d, values + i + j, inverse, hn::And(random, hn::Set(du, 0xffff)), out + i + j);
      RoundVector(d, values + i + kHalf + j, inverse, hn::ShiftRight<16>(random),
                  out + i + kHalf + j);
    }
  }
  const hn::CappedTag<float, 1> single;
  const hn::RebindToUnsigned<decltype(single)> single_bits;
  for (size_t begin = i; i < size; ++i) {
    const auto counter =
        hn::Set(single_bits, first + static_cast<uint32_t>(begin / 2 + (i - begin) % kHalf));
    const auto random = RandomBits(single_bits, key, counter);
    RoundVector(single, values + i, inverse,
                i - begin < kHalf ? hn::And(random, hn::Set(single_bits, 0xffff))
                                  : hn::ShiftRight<16>(random),
                out + i);
  }
}

HWY_ATTR void EncodeInt8Groups(const float* values, size_t size, size_t group, uint64_t seed,
                               uint32_t first, uint8_t* out) {
  const uint64_t key = Mix64(seed);
  for (size_t begin = 0; begin < size; begin += group) {
    const size_t count = std::min(group, size - begin);
    const uint32_t bits = LargestMagnitude(values + begin, count);
    float scale;
    std::memcpy(&scale, &bits, sizeof(scale));
    // A scale that is not finite says to the receiver that the values are not.
    const bool round = bits != 0 && bits < 0x7f800000;
    if (round) scale = std::clamp(scale / 127, kMinInt8Scale, kMaxInt8Scale);
    std::memcpy(out, &scale, sizeof(scale));
    out += sizeof(scale);
    if (round) {
      RoundToInt8(values + begin, count, scale, key, first + static_cast<uint32_t>(begin), out);
    } else {
      std::memset(out, 0, count);
    }
    out += count;
  }
}

HWY_ATTR void DecodeInt8(const uint8_t* bytes, size_t size, float scale, float* out) {
  ForEach(size, [=](auto d, size_t i) HWY_ATTR {
    const hn::RebindToSigned<decltype(d)> di;
    const hn::Rebind<int8_t, decltype(d)> d8;
    const auto whole = hn::PromoteTo(di, LoadBytes(d8, bytes + i));
    hn::StoreU(hn::Mul(hn::ConvertTo(d, whole), hn::Set(d, scale)), d, out + i);
  });
}

// Whether no T has all bits of `exponent`.
template <typename T>
HWY_ATTR bool AllFinite(const uint8_t* bytes, size_t size, T exponent) {
  const hn::ScalableTag<T> d;
  const auto mask = hn::Set(d, exponent);
  auto largest = hn::Zero(d);
  size_t i = 0;
  for (; i + hn::Lanes(d) <= size; i += hn::Lanes(d)) {
    largest = hn::Max(largest, hn::And(LoadBytes(d, bytes + i * sizeof(T)), mask));
  }
  bool finite = hn::AllFalse(d, hn::Eq(largest, mask));
  for (; i < size; ++i) {
    T bits;
    std::memcpy(&bits, bytes + i * sizeof(T), sizeof(T));
    finite &= (bits & exponent) != exponent;
  }
  return finite;
}

HWY_ATTR bool AllFiniteF32(const uint8_t* bytes, size_t size) {
  return AllFinite<uint32_t>(bytes, size, 0x7f800000);
}

HWY_ATTR bool AllFiniteBf16(const uint8_t* bytes, size_t size) {
  return AllFinite<uint16_t>(bytes, size, 0x7f80);
}

HWY_ATTR bool AllFiniteF16(const uint8_t* bytes, size_t size) {
  return AllFinite<uint16_t>(bytes, size, 0x7c00);
}

HWY_ATTR bool AllInt8(const uint8_t* bytes, size_t size) {
  const hn::ScalableTag<int8_t> d;
  auto smallest = hn::Zero(d);
  size_t i = 0;
  for (; i + hn::Lanes(d) <= size; i += hn::Lanes(d)) {
    smallest = hn::Min(smallest, LoadBytes(d, bytes + i));
  }
  bool good = hn::AllFalse(d, hn::Eq(smallest, hn::Set(d, int8_t{-128})));
  for (; i < size; ++i) good &= bytes[i] != 0x80;
  return good;
}

}  // namespace HWY_NAMESPACE
}  // namespace
}  // namespace paramd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace paramd {
namespace {

HWY_EXPORT(EncodeBf16);
HWY_EXPORT(DecodeBf16);
HWY_EXPORT(EncodeF16);
HWY_EXPORT(DecodeF16);
HWY_EXPORT(EncodeInt8Groups);
HWY_EXPORT(DecodeInt8);
HWY_EXPORT(AllFiniteF32);
HWY_EXPORT(AllFiniteBf16);
HWY_EXPORT(AllFiniteF16);
HWY_EXPORT(AllInt8);

}  // namespace

void EncodeBf16(const float* values, size_t size, uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeBf16)(values, size, out);
}

void DecodeBf16(const uint8_t* bytes, size_t size, float* out) {
  HWY_DYNAMIC_DISPATCH(DecodeBf16)(bytes, size, out);
}

void EncodeF16(const float* values, size_t size, uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeF16)(values, size, out);
}

void DecodeF16(const uint8_t* bytes, size_t size, float* out) {
  HWY_DYNAMIC_DISPATCH(DecodeF16)(bytes, size, out);
}

void EncodeInt8Groups(const float* values, size_t size, size_t group, uint64_t seed, uint32_t first,
                      uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeInt8Groups)(values, size, group, seed, first, out);
}

void DecodeInt8(const uint8_t* bytes, size_t size, float scale, float* out) {
  HWY_DYNAMIC_DISPATCH(DecodeInt8)(bytes, size, scale, out);
}

bool AllFiniteF32(const uint8_t* bytes, size_t size) {
  return HWY_DYNAMIC_DISPATCH(AllFiniteF32)(bytes, size);
}

bool AllFiniteBf16(const uint8_t* bytes, size_t size) {
  return HWY_DYNAMIC_DISPATCH(AllFiniteBf16)(bytes, size);
}

bool AllFiniteF16(const uint8_t* bytes, size_t size) {
  return HWY_DYNAMIC_DISPATCH(AllFiniteF16)(bytes, size);
}

bool AllInt8(const uint8_t* bytes, size_t size) {
  return HWY_DYNAMIC_DISPATCH(AllInt8)(bytes, size);
}

}  // namespace paramd
#endif  // HWY_ONCE
