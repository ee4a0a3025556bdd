#include "server/table/row_table.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <vector>

#include "common/base/random.h"

namespace paramd {
namespace {

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
