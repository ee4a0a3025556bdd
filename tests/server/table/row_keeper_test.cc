#include "server/table/row_keeper.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <vector>

#include "common/base/random.h"
#include "server/table/changed_blocks.h"

namespace paramd {
namespace {

constexpr size_t kWidth = 3;

// A table whose keys have the rows that a keeper gives them.
struct Kept {
  explicit Kept(const RowRules& rules)
      : table(RowTable::Create(0, 1, kWidth)), keeper(rules, table.get(), kWidth, &changed) {}

  // As a push of one key does.
  void Push(uint64_t hash, uint64_t clock) {
    float* row = Find(hash);
    if (row == nullptr) {
      if (!keeper.Admit(hash)) return;
      keeper.FreeRows(1, clock);
      if (!table->HasRoom(hash)) table->MakeRoom(hash);
      row = table->Add(hash);
    }
    keeper.Touch(row, 1, clock);
    keeper.Sweep(1, clock);
  }
  float* Find(uint64_t hash) const {
    float* row = nullptr;
    table->Find({&hash, 1}, 1, &row);
    return row;
  }
  uint64_t Digest() const {
    Hasher hasher;
    keeper.AddTo(hasher);
    std::vector<uint64_t> hashes;
    table->ForEach([&](uint64_t hash, const float*) { hashes.push_back(hash); });
    std::sort(hashes.begin(), hashes.end());
    hasher.Add(absl::Span<const uint64_t>(hashes));
    return hasher.Digest();
  }

  const std::unique_ptr<RowTable> table;
  ChangedBlocks changed;
  RowKeeper keeper;
};

TEST_CASE("a key gets its row with the push that counts") {
  Kept kept({.min_count = 3, .sketch_bytes = 1 << 20});
  kept.Push(5, 0);
  kept.Push(5, 1);
  CHECK(kept.Find(5) == nullptr);
  kept.Push(5, 2);
  CHECK(kept.Find(5) != nullptr);
}

TEST_CASE("keys that come once cost next to no rows") {
  Kept kept({.min_count = 2, .sketch_bytes = 4 << 20});
  for (uint64_t i = 0; i < 300'000; ++i) {
    kept.Push(Mix64(i), i);
    // Each of 15,000 comes several times.
    if (i % 4 == 0) kept.Push(Mix64(1'000'000 + i / 4 % 15'000), i);
  }
  CHECK(kept.table->size() >= 15'000);
  CHECK(kept.table->size() <= 1.2 * 15'000);
}

TEST_CASE("rows that nobody pushes to go, the others stay") {
  Kept kept({.ttl = 10});
  constexpr uint64_t kKeys = 2'000;
  for (uint64_t i = 0; i < kKeys; ++i) kept.Push(Mix64(i), 0);
  CHECK(kept.table->size() == kKeys);
  // Only the first half from now on. 10 clocks later nothing has gone yet.
  for (uint64_t i = 0; i < kKeys; ++i) kept.Push(Mix64(i % (kKeys / 2)), 10);
  CHECK(kept.table->size() == kKeys);
  for (int round = 0; round < 4; ++round) {
    for (uint64_t i = 0; i < kKeys / 2; ++i) kept.Push(Mix64(i), 11);
  }
  CHECK(kept.table->size() == kKeys / 2);
  for (uint64_t i = 0; i < kKeys / 2; ++i) REQUIRE(kept.Find(Mix64(i)) != nullptr);
}

TEST_CASE("parameters fade as the clock goes on, whether they are pushed to or not") {
  Kept kept({.decay = 0.5, .decay_every = 10});
  kept.Push(1, 5);
  float* const row = kept.Find(1);
  row[0] = 8;
  row[1] = 3;  // state
  CHECK(kept.keeper.FadeOf(row, 9) == 1);
  CHECK(kept.keeper.FadeOf(row, 10) == 0.5f);
  CHECK(kept.keeper.FadeOf(row, 39) == 0.125f);
  kept.Push(1, 20);
  CHECK(row[0] == 2);
  CHECK(row[1] == 3);
  CHECK(kept.keeper.FadeOf(row, 29) == 1);
  kept.Push(1, 21);
  CHECK(row[0] == 2);
}

TEST_CASE("there are never more rows than the limit, and those that are used stay") {
  constexpr uint64_t kLimit = 1'000, kUsed = 300;
  Kept kept({.max_rows = kLimit});
  uint64_t once = 1 << 20;
  uint64_t found = 0, looked = 0;
  for (uint64_t clock = 0; clock < 100; ++clock) {
    for (uint64_t i = 0; i < kUsed; ++i) {
      found += kept.Find(Mix64(i)) != nullptr;
      ++looked;
      kept.Push(Mix64(i), clock);
    }
    for (int i = 0; i < 100; ++i) kept.Push(Mix64(once++), clock);
    REQUIRE(kept.table->size() <= kLimit);
  }
  CHECK(kept.table->size() == kLimit);
  // All but the first time, nearly always.
  CHECK(found >= (looked - kUsed) * 99 / 100);
}

TEST_CASE("the same pushes leave the same rows") {
  const RowRules rules = {.min_count = 2, .sketch_bytes = 4096, .ttl = 50, .max_rows = 400};
  Kept a(rules), b(rules);
  Random random(3);
  for (uint64_t i = 0; i < 20'000; ++i) {
    const uint64_t hash = Mix64(random.NextBelow(1'500));
    a.Push(hash, i / 100);
    b.Push(hash, i / 100);
  }
  CHECK(a.Digest() == b.Digest());
  CHECK(a.table->size() <= 400);
}

TEST_CASE("a limit that only the row of hash 0 is in the way of does not hold things up") {
  Kept kept({.max_rows = 1});
  kept.Push(0, 0);
  kept.Push(1, 0);
  CHECK(kept.Find(0) != nullptr);
}

}  // namespace
}  // namespace paramd
