#include "worker/client/row_cache.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <numeric>

#include "common/base/random.h"

namespace paramd {
namespace {

std::vector<uint32_t> InOrder(size_t size) {
  std::vector<uint32_t> order(size);
  std::iota(order.begin(), order.end(), 0);
  return order;
}

TEST_CASE("a row is read as long as it is new enough") {
  RowCache cache(2, 1 << 20);
  const std::vector<uint64_t> keys = {3, 0, UINT64_MAX};
  // Row i of the operation is row order[i] of the matrix.
  const std::vector<uint32_t> order = {2, 0, 1};
  std::vector<uint32_t> stale;
  std::vector<float> out(6, -1);
  cache.Read(keys, order, 0, out.data(), &stale);
  CHECK(stale == std::vector<uint32_t>{0, 1, 2});
  const std::vector<float> rows = {1, 2, 3, 4, 5, 6};
  cache.Write(keys, order, 7, rows.data());
  cache.Read(keys, order, 7, out.data(), &stale);
  CHECK(stale.empty());
  CHECK(out == rows);
  cache.Read(keys, order, 8, out.data(), &stale);
  CHECK(stale == std::vector<uint32_t>{0, 1, 2});

  // An answer that was overtaken by a newer one changes nothing.
  const std::vector<float> older(6, 9);
  cache.Write(keys, order, 6, older.data());
  cache.Read(keys, order, 0, out.data(), &stale);
  CHECK(stale.empty());
  CHECK(out == rows);
}

TEST_CASE("a cache that is too small forgets rows, and never gives a wrong one") {
  RowCache cache(1, 4096);
  std::map<uint64_t, std::pair<uint64_t, float>> newest;  // version, value
  Random random(5);
  size_t found = 0;
  for (uint64_t version = 1; version <= 200; ++version) {
    std::vector<uint64_t> keys;
    for (uint64_t key = 0; key < 600; ++key) {
      if (random.NextBelow(8) == 0) keys.push_back(key);
    }
    const std::vector<uint32_t> order = InOrder(keys.size());
    std::vector<float> values(keys.size());
    for (float& value : values) value = static_cast<float>(random.NextUnit());
    cache.Write(keys, order, version, values.data());
    for (size_t i = 0; i < keys.size(); ++i) newest[keys[i]] = {version, values[i]};

    std::vector<uint64_t> all;
    for (const auto& [key, row] : newest) all.push_back(key);
    const uint64_t oldest = version > 10 ? version - 10 : 0;
    std::vector<float> out(all.size());
    std::vector<uint32_t> stale;
    cache.Read(all, InOrder(all.size()), oldest, out.data(), &stale);
    REQUIRE(std::is_sorted(stale.begin(), stale.end()));
    for (uint32_t i = 0; i < all.size(); ++i) {
      if (std::binary_search(stale.begin(), stale.end(), i)) continue;
      ++found;
      REQUIRE(newest[all[i]].first >= oldest);
      REQUIRE(out[i] == newest[all[i]].second);
    }
  }
  CHECK(found > 1000);
}

}  // namespace
}  // namespace paramd
