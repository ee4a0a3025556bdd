#include "common/routing/hash_keys.h"

#include <cstddef>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "common/routing/hash_keys.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace paramd {
namespace HWY_NAMESPACE {

void HashAll(const uint64_t* keys, size_t size, uint64_t* hashes) {
  size_t i = 0;
#if HWY_TARGET <= HWY_AVX3
  // HashKey, word by word. Without AVX-512 there is no vector product of 64 bits, and one key after
  // the other is faster.
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<uint64_t> d;
  const auto flip = hn::Set(d, kHashFlip), prime = hn::Set(d, kHashPrime);
  for (; i + hn::Lanes(d) <= size; i += hn::Lanes(d)) {
    auto hash = hn::Xor(hn::RotateRight<32>(hn::LoadU(d, keys + i)), flip);
    hash = hn::Xor(hash, hn::Xor(hn::RotateRight<64 - 49>(hash), hn::RotateRight<64 - 24>(hash)));
    hash = hn::Mul(hash, prime);
    hash = hn::Xor(hash, hn::Add(hn::ShiftRight<35>(hash), hn::Set(d, sizeof(uint64_t))));
    hash = hn::Mul(hash, prime);
    hn::StoreU(hn::Xor(hash, hn::ShiftRight<28>(hash)), d, hashes + i);
  }
#endif
  for (; i < size; ++i) hashes[i] = HashKey(keys[i]);
}

}  // namespace HWY_NAMESPACE
}  // namespace paramd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace paramd {
HWY_EXPORT(HashAll);

void HashKeys(absl::Span<const uint64_t> keys, uint64_t* hashes) {
  HWY_DYNAMIC_DISPATCH(HashAll)(keys.data(), keys.size(), hashes);
}

}  // namespace paramd
#endif  // HWY_ONCE
