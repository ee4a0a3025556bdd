#include "server/table/key_index.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <numeric>
#include <utility>
#include <vector>

#include "common/base/random.h"
#include "common/routing/hash_keys.h"
#include "common/routing/shard_of.h"
#include "hwy/targets.h"

namespace paramd {
namespace {

using Hashes = std::vector<uint64_t>;

// A value that says which it is.
template <typename Value>
Value Marked(uint32_t mark) {
  Value value = {};
  std::memcpy(&value, &mark, sizeof(mark));
  if (sizeof(Value) > sizeof(mark)) {
    std::memcpy(reinterpret_cast<uint8_t*>(&value) + sizeof(Value) - sizeof(mark), &mark,
                sizeof(mark));
  }
  return value;
}

template <typename Value>
bool Same(const Value& a, const Value& b) {
  return std::memcmp(&a, &b, sizeof(a)) == 0;
}

template <typename Value>
void Insert(KeyIndex<Value>& index, uint64_t hash, uint32_t mark) {
  if (!index.HasRoom(hash)) index.MakeRoom(hash);
  if (!index.HasRoom(hash)) FAIL("no room");
  Value* const value = index.Insert(hash);
  if (!Same(*value, Value{})) FAIL("not zero");
  *value = Marked<Value>(mark);
}

// The values of the hashes, looked up as a shard does it.
template <typename Value>
std::vector<Value*> FindAll(const KeyIndex<Value>& index, const Hashes& hashes) {
  std::vector<Value*> found(hashes.size());
  const absl::Span<const uint64_t> all = hashes;
  index.Prefetch(all);
  for (size_t i = 0; i < hashes.size(); i += kMaxFound) {
    index.Find(all.subspan(i), std::min(kMaxFound, hashes.size() - i), found.data() + i);
  }
  return found;
}

// Number i of the hashes has the mark i.
template <typename Value>
size_t CountFound(const KeyIndex<Value>& index, const Hashes& hashes) {
  const std::vector<Value*> found = FindAll(index, hashes);
  size_t good = 0;
  for (uint32_t i = 0; i < found.size(); ++i) {
    good += found[i] != nullptr && Same(*found[i], Marked<Value>(i));
  }
  return good;
}

template <typename Value>
size_t CountAbsent(const KeyIndex<Value>& index, const Hashes& hashes) {
  const std::vector<Value*> found = FindAll(index, hashes);
  return static_cast<size_t>(std::count(found.begin(), found.end(), nullptr));
}

// ForEach visits each of the hashes once, with its mark.
template <typename Value>
void CheckVisits(const KeyIndex<Value>& index, const Hashes& hashes) {
  std::vector<std::pair<uint64_t, Value>> all;
  index.ForEach([&](uint64_t hash, const Value& value) { all.emplace_back(hash, value); });
  REQUIRE(all.size() == hashes.size());
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<uint32_t> order(hashes.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](uint32_t a, uint32_t b) { return hashes[a] < hashes[b]; });
  size_t good = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    good += all[i].first == hashes[order[i]] && Same(all[i].second, Marked<Value>(order[i]));
  }
  CHECK(good == hashes.size());
}

Hashes HashesOfShard(uint32_t shard, uint32_t shards, size_t count) {
  Hashes hashes;
  for (uint64_t key = 0; hashes.size() < count; ++key) {
    const uint64_t hash = HashKey(key);
    if (ShardOfHash(hash, shards) == shard) hashes.push_back(hash);
  }
  return hashes;
}

#define PARAMD_VALUES uint32_t, ShortRow<1>, ShortRow<2>, ShortRow<3>

TEMPLATE_TEST_CASE("any hash is found once it is inserted, on every instruction set", "",
                   PARAMD_VALUES) {
  const Hashes hashes = {0, UINT64_MAX, 1, uint64_t{1} << 63, uint64_t{1} << 32, UINT32_MAX, 42};
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    CAPTURE(hwy::TargetName(target));
    KeyIndex<TestType> index(0, 1);
    CHECK(CountAbsent(index, hashes) == hashes.size());
    CheckVisits(index, {});
    for (uint32_t i = 0; i < hashes.size(); ++i) {
      Insert(index, hashes[i], i);
      CHECK(index.size() == i + 1);
      const Hashes there(hashes.begin(), hashes.begin() + i + 1);
      CHECK(CountFound(index, there) == there.size());
      CHECK(CountAbsent(index, hashes) == hashes.size() - there.size());
      CheckVisits(index, there);
    }
  }
  hwy::SetSupportedTargetsForTest(0);
}

TEMPLATE_TEST_CASE("what lies in values is not taken for a hash", "", PARAMD_VALUES) {
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    KeyIndex<TestType> index(0, 1);
    for (uint64_t hash = 1; hash <= 2; ++hash) {
      if (!index.HasRoom(hash)) index.MakeRoom(hash);
      std::memset(index.Insert(hash), 0x11, sizeof(TestType));
    }
    CHECK(CountAbsent(index, {0x1111111111111111}) == 1);
    CHECK(CountAbsent(index, {0x11111111}) == 1);
    CHECK(CountAbsent(index, {uint64_t{0x11111111} << 32}) == 1);
  }
  hwy::SetSupportedTargetsForTest(0);
}

TEMPLATE_TEST_CASE("small shards grow, at every size", "", PARAMD_VALUES) {
  const uint32_t shards = GENERATE(1, 3, 64);
  const uint32_t shard = shards / 2;
  KeyIndex<TestType> index(shard, shards);
  const Hashes all = HashesOfShard(shard, shards, 4000);
  const Hashes absent(all.begin() + 3000, all.end());
  Hashes hashes;
  for (uint32_t i = 0; i < 3000; ++i) {
    Insert(index, all[i], i);
    hashes.push_back(all[i]);
    if (hashes.size() % 97 != 0 && hashes.size() > 40 && index.HasRoom(all[i])) continue;
    REQUIRE(CountFound(index, hashes) == hashes.size());
    REQUIRE(CountAbsent(index, absent) == absent.size());
  }
  CheckVisits(index, hashes);
}

TEMPLATE_TEST_CASE("hashes that collide are told apart, on every instruction set", "",
                   PARAMD_VALUES) {
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    CAPTURE(hwy::TargetName(target));
    // All in the last bucket, so that the search goes on at the first.
    KeyIndex<TestType> index(0, 1);
    Hashes hashes, absent;
    for (uint64_t i = 0; i < 700; ++i) {
      (i < 600 ? hashes : absent).push_back(Mix64(i) << 32 | UINT32_MAX);
    }
    for (uint32_t i = 0; i < hashes.size(); ++i) Insert(index, hashes[i], i);
    CHECK(CountFound(index, hashes) == hashes.size());
    CHECK(CountAbsent(index, absent) == absent.size());
    CheckVisits(index, hashes);
  }
  hwy::SetSupportedTargetsForTest(0);
}

TEMPLATE_TEST_CASE("hashes that begin alike do not make the directory large", "", PARAMD_VALUES) {
  KeyIndex<TestType> index(0, 1);
  constexpr uint32_t kHashes = 700000;
  Hashes hashes;
  for (uint32_t i = 0; i < kHashes; ++i) {
    hashes.push_back(uint64_t{0xabcdef12} << 32 | i * 0x9e3779b1u);
    Insert(index, hashes[i], i);
  }
  CHECK(CountFound(index, hashes) == kHashes);
  CHECK(static_cast<double>(index.bytes()) / kHashes <
        64.0 / (Bucket<TestType>::kSlots * 0.58) + 1);
}

TEMPLATE_TEST_CASE("a large shard splits, and wastes little at any size", "", PARAMD_VALUES) {
  // 3 is not a power of two: the shard's keys are not those with certain top bits.
  const uint32_t shards = GENERATE(1, 3);
  KeyIndex<TestType> index(shards - 1, shards);
  constexpr uint32_t kHashes = 700000;
  const Hashes hashes = HashesOfShard(shards - 1, shards, kHashes);
  constexpr double kSlots = Bucket<TestType>::kSlots;
  constexpr uint32_t kSmall = 150000;  // fit into 2.5 MiB, with 59 % of the slots full
  double worst_small = 0, worst = 0;
  for (uint32_t i = 0; i < kHashes; ++i) {
    Insert(index, hashes[i], i);
    if (i < 10000 || i % 1000 != 0) continue;
    double& of_size = i < kSmall ? worst_small : worst;
    of_size = std::max(of_size, static_cast<double>(index.bytes()) / i);
  }
  CHECK(CountFound(index, hashes) == kHashes);
  CheckVisits(index, hashes);
  CHECK(worst < 64 / (kSlots * 0.59) + 0.5);  // 59 % of the slots are full, or more
  CHECK(worst_small < 64 / (kSlots * 0.3) + 0.5);
  CHECK(static_cast<double>(index.bytes()) / kHashes >= 64 / (kSlots * 0.75));
}

}  // namespace
}  // namespace paramd
