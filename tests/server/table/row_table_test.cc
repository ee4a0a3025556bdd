#include "server/table/row_table.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <vector>

#include "common/base/random.h"
#include "common/routing/shard_of.h"

namespace paramd {
namespace {

TEST_CASE("room is made at once for the rows of another table, in their order") {
  const size_t width = GENERATE(1, 2, 5);
  const uint64_t rows = GENERATE(0, 1, 100, 20'000, 700'000);
  const uint32_t shards = 3;
  const auto table = RowTable::Create(1, shards, width);
  for (uint64_t i = 0; table->size() < rows; ++i) {
    const uint64_t hash = Mix64(i);
    if (ShardOfHash(hash, shards) != 1) continue;
    if (!table->HasRoom(hash)) table->MakeRoom(hash);
    *table->Add(hash) = static_cast<float>(i % 1000);
  }
  const auto copy = RowTable::Create(1, shards, width);
  copy->Reserve(rows);
  const size_t bytes = copy->bytes();
  int grown = 0;
  table->ForEach([&](uint64_t hash, const float* row) {
    if (!copy->HasRoom(hash)) {
      copy->MakeRoom(hash);
      ++grown;
    }
    *copy->Add(hash) = *row;
  });
  CHECK(grown <= 1);
  CHECK(copy->size() == rows);
  // Rows of up to 3 lie there.
  if (width <= 3) CHECK(copy->bytes() <= bytes * 5 / 4);
  CHECK(copy->bytes() <= table->bytes() * 11 / 10 + 4096);
  uint64_t same = 0;
  table->ForEach([&](uint64_t hash, const float* row) {
    float* found = nullptr;
    copy->Find({&hash, 1}, 1, &found);
    same += found != nullptr && *found == *row;
  });
  CHECK(same == rows);
}

TEST_CASE("rows of any width, against a map") {
  const size_t width = GENERATE(1, 2, 3, 4, 17);
  const auto table = RowTable::Create(0, 1, width);
  std::map<uint64_t, float> model;  // of each hash the first and last value of its row
  Random random(width);
  int added = 0;
  for (int round = 0; round < 200; ++round) {
    std::vector<uint64_t> hashes;
    for (size_t i = 0; i < 1 + random.NextBelow(700); ++i) {
      hashes.push_back(random.NextBelow(20) == 0 ? i : Mix64(random.NextBelow(40000)));
    }
    const absl::Span<const uint64_t> all = hashes;
    table->Prefetch(all);
    for (size_t first = 0; first < hashes.size(); first += RowTable::kMaxBatch) {
      const size_t count = std::min(RowTable::kMaxBatch, hashes.size() - first);
      std::vector<float*> rows(count);
      table->Find(all.subspan(first), count, rows.data());
      for (size_t i = 0; i < count; ++i) {
        const auto it = model.find(hashes[first + i]);
        REQUIRE((rows[i] != nullptr) == (it != model.end()));
        if (rows[i] == nullptr) continue;
        REQUIRE(rows[i][0] == it->second);
        REQUIRE(rows[i][width - 1] == it->second);
      }
    }
    for (const uint64_t hash : hashes) {
      if (model.count(hash) > 0) continue;
      if (!table->HasRoom(hash)) table->MakeRoom(hash);
      REQUIRE(table->HasRoom(hash));
      float* const row = table->Add(hash);
      REQUIRE(std::count(row, row + width, 0.0f) == static_cast<int64_t>(width));
      const auto value = static_cast<float>(++added);
      row[0] = row[width - 1] = value;
      model[hash] = value;
    }
    REQUIRE(table->size() == model.size());
    // Every third round, rows go.
    for (auto it = model.begin(); round % 3 == 0 && it != model.end();) {
      if (random.NextBelow(3) > 0) {
        ++it;
        continue;
      }
      table->Remove(it->first);
      it = model.erase(it);
    }
    REQUIRE(table->size() == model.size());
  }
  CHECK(table->bytes() >= model.size() * (sizeof(uint64_t) + width * sizeof(float)));
  size_t good = 0;
  table->ForEach([&](uint64_t hash, const float* row) {
    const auto it = model.find(hash);
    good += it != model.end() && row[0] == it->second && row[width - 1] == it->second;
    if (it != model.end()) model.erase(it);
  });
  CHECK(good == table->size());
  CHECK(model.empty());
}

TEST_CASE("adding a row moves no other") {
  const size_t width = GENERATE(1, 2, 3, 4);
  const auto table = RowTable::Create(1, 2, width);
  std::map<uint64_t, float*> rows;
  for (uint64_t i = 0; rows.size() < 20000; ++i) {
    const uint64_t hash = Mix64(i) | uint64_t{1} << 63;
    if (rows.count(hash) > 0) continue;
    if (!table->HasRoom(hash)) {
      table->MakeRoom(hash);
      for (auto& [known, row] : rows) table->Find({&known, 1}, 1, &row);
    }
    rows[hash] = table->Add(hash);
    if (i % 500 != 0) continue;
    for (const auto& [known, row] : rows) {
      float* found = nullptr;
      table->Find({&known, 1}, 1, &found);
      REQUIRE(found == row);
    }
  }
}

}  // namespace
}  // namespace paramd
