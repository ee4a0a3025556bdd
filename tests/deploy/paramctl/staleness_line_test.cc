#include "deploy/paramctl/staleness_line.h"

#include <catch2/catch.hpp>

namespace paramd {
namespace {

TEST_CASE("shares of the buckets, by where they begin") {
  v1::TableStatus table;
  table.set_name("weights");
  for (const uint64_t count : {600, 300, 0, 100}) table.add_push_staleness(count);
  for (const uint64_t count : {0, 1, 2}) table.add_pull_staleness(count);
  CHECK(FormatStaleness(table) ==
        "weights: pushes 0: 60 %, 1: 30 %, 4: 10 %; pulls 1: 33.3 %, 2: 66.7 %");
  table.clear_push_staleness();
  CHECK(FormatStaleness(table) == "weights: pulls 1: 33.3 %, 2: 66.7 %");
}

TEST_CASE("a table that nobody used has no line") {
  v1::TableStatus table;
  table.set_name("weights");
  CHECK(FormatStaleness(table).empty());
  table.add_push_staleness(0);
  CHECK(FormatStaleness(table).empty());
}

TEST_CASE("a bound that was chosen is told with its reason") {
  v1::StalenessChoice choice;
  choice.set_seconds(2.46);
  choice.set_steps(8);
  choice.set_reason("workers waited 63 % of the time");
  CHECK(FormatChoice(choice) == "staleness 8 from 2.5 s on: workers waited 63 % of the time");
}

}  // namespace
}  // namespace paramd
