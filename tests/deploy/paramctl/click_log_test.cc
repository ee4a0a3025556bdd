#include "deploy/paramctl/click_log.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <set>

namespace paramd {
namespace {

TEST_CASE("rows are a pure function of options, part and index") {
  const ClickLog log({.seed = 7}), same({.seed = 7}), other({.seed = 8});
  ClickLog::Row a, b;
  log.Fill(0, 5, &a);
  same.Fill(0, 9, &b);
  same.Fill(0, 5, &b);
  CHECK(a.keys == b.keys);
  CHECK(a.probability == b.probability);
  CHECK(a.click == b.click);
  other.Fill(0, 5, &b);
  CHECK(a.keys != b.keys);
  log.Fill(1, 5, &b);
  CHECK(a.keys != b.keys);
}

TEST_CASE("every row has one key of each field, and fields share no key") {
  const ClickLog log({.fields = 5, .cardinality = 32});
  CHECK(log.distinct_keys() == 2 + 4 + 8 + 16 + 32);
  const uint64_t last[] = {2, 6, 14, 30, 62};
  ClickLog::Row row;
  std::set<uint64_t> seen;
  for (uint64_t i = 0; i < 5000; ++i) {
    log.Fill(0, i, &row);
    REQUIRE(row.keys.size() == 5);
    for (int f = 0; f < 5; ++f) {
      REQUIRE(row.keys[f] > (f == 0 ? 0 : last[f - 1]));
      REQUIRE(row.keys[f] <= last[f]);
    }
    seen.insert(row.keys.begin(), row.keys.end());
  }
  CHECK(seen.size() == log.distinct_keys());
}

TEST_CASE("clicks come at the rate asked for, and as often as their probability says") {
  for (const double rate : {0.05, 0.2, 0.5}) {
    const ClickLog log({.click_rate = rate});
    constexpr int kRows = 50000;
    ClickLog::Row row;
    double clicks = 0, probability = 0, variance = 0;
    for (uint64_t i = 0; i < kRows; ++i) {
      log.Fill(3, i, &row);
      clicks += row.click;
      probability += row.probability;
      variance += row.probability * (1 - row.probability);
    }
    CHECK(std::abs(clicks - probability) < 4 * std::sqrt(variance));
    CHECK(probability / kRows == Approx(rate).epsilon(0.05));
  }
}

// The log-odds of a row that is known by its probability.
double LogOdds(const ClickLog::Row& row) {
  return std::log(row.probability / (1 - row.probability));
}

TEST_CASE("interactions: two fields of two values each") {
  // The mixed difference of a function of (value 1, value 2) is 0 when it is a sum of functions of
  // either.
  const auto mixed_difference = [](const ClickLog& log) {
    std::map<std::pair<uint64_t, uint64_t>, double> odds;
    ClickLog::Row row;
    for (uint64_t i = 0; i < 1000; ++i) {
      log.Fill(0, i, &row);
      odds[{row.keys[0], row.keys[1]}] = LogOdds(row);
    }
    REQUIRE(odds.size() == 4);
    return odds[{1, 3}] - odds[{1, 4}] - odds[{2, 3}] + odds[{2, 4}];
  };
  const ClickLog::Options without = {.fields = 2, .cardinality = 2, .zipf = 0};
  ClickLog::Options with = without;
  with.interaction = 2;
  CHECK(std::abs(mixed_difference(ClickLog(without))) < 1e-9);
  CHECK(std::abs(mixed_difference(ClickLog(with))) > 0.1);
}

TEST_CASE("interactions have the deviation asked for, over uniform values") {
  ClickLog::Options options = {.fields = 8, .cardinality = 1000, .zipf = 0, .signal = 0};
  options.interaction = 2;
  const ClickLog log(options);
  ClickLog::Row row;
  double sum = 0, squares = 0;
  constexpr int kRows = 20000;
  for (int i = 0; i < kRows; ++i) {
    log.Fill(0, static_cast<uint64_t>(i), &row);
    sum += LogOdds(row) / kRows;
    squares += LogOdds(row) * LogOdds(row) / kRows;
  }
  // The smaller fields have few values: some of it is the same in every row.
  CHECK(std::sqrt(squares - sum * sum) == Approx(2).epsilon(0.2));
}

TEST_CASE("the smallest log: one field of two values") {
  const ClickLog log({.fields = 1, .cardinality = 2, .zipf = 0});
  ClickLog::Row row;
  std::map<uint64_t, double> probabilities;
  for (uint64_t i = 0; i < 100; ++i) {
    log.Fill(0, i, &row);
    REQUIRE(row.keys.size() == 1);
    const auto [at, added] = probabilities.emplace(row.keys[0], row.probability);
    REQUIRE(at->second == row.probability);
  }
  CHECK(probabilities.size() == 2);
}

}  // namespace
}  // namespace paramd
