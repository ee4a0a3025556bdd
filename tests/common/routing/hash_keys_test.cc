#include "common/routing/hash_keys.h"

#include <xxhash.h>

#include <catch2/catch.hpp>
#include <vector>

#include "common/base/random.h"
#include "hwy/targets.h"

namespace paramd {
namespace {

TEST_CASE("hashes are XXH3-64 of a key's bytes, on every instruction set and for any number") {
  const std::vector<int64_t> targets = hwy::SupportedAndGeneratedTargets();
  REQUIRE_FALSE(targets.empty());
  for (const int64_t target : targets) {
    hwy::SetSupportedTargetsForTest(target);
    CAPTURE(hwy::TargetName(target));
    for (size_t size = 0; size < 70; ++size) {
      std::vector<uint64_t> keys(size), hashes(size + 1, 77);
      for (size_t i = 0; i < size; ++i) keys[i] = i % 3 == 0 ? i - size / 2 : Mix64(i * size);
      HashKeys(keys, hashes.data());
      for (size_t i = 0; i < size; ++i) {
        const uint64_t expected = XXH3_64bits(&keys[i], sizeof(keys[i]));
        REQUIRE(hashes[i] == expected);
        REQUIRE(HashKey(keys[i]) == expected);
      }
      REQUIRE(hashes[size] == 77);
    }
  }
  hwy::SetSupportedTargetsForTest(0);
}

TEST_CASE("the key of a hash is the one that was hashed") {
  for (uint64_t i = 0; i < 10000; ++i) {
    for (const uint64_t key : {i, ~i, Mix64(i), uint64_t{1} << i % 64}) {
      REQUIRE(KeyOfHash(HashKey(key)) == key);
      REQUIRE(HashKey(KeyOfHash(key)) == key);
    }
  }
}

}  // namespace
}  // namespace paramd
