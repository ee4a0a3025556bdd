#include "server/engine/step_ledger.h"

#include <catch2/catch.hpp>

namespace paramd {
namespace {

TEST_CASE("weights are shares of the examples, ascending by client") {
  StepLedger ledger;
  ledger.Record(9, 3, 1);
  ledger.Record(2, 3, 3);
  ledger.Record(5, 3, 0);   // takes no part
  ledger.Record(2, 3, 77);  // repeated
  const auto finished = ledger.TakeBefore(4);
  REQUIRE(finished.size() == 1);
  CHECK(finished[0].step == 3);
  REQUIRE(finished[0].contributions.size() == 2);
  CHECK(finished[0].contributions[0].client == 2);
  CHECK(finished[0].contributions[0].weight == 0.75);
  CHECK(finished[0].contributions[1].client == 9);
  CHECK(finished[0].contributions[1].weight == 0.25);
  CHECK(ledger.TakeBefore(4).empty());
}

TEST_CASE("steps come in order, up to the clock") {
  StepLedger ledger;
  for (const uint64_t step : {7, 2, 5}) ledger.Record(1, step, 1);
  CHECK(ledger.TakeBefore(2).empty());
  const auto finished = ledger.TakeBefore(6);
  REQUIRE(finished.size() == 2);
  CHECK(finished[0].step == 2);
  CHECK(finished[1].step == 5);
  CHECK(ledger.TakeBefore(UINT64_MAX).size() == 1);
}

TEST_CASE("a step without examples has no contributions") {
  StepLedger ledger;
  ledger.Record(1, 0, 0);
  const auto finished = ledger.TakeBefore(1);
  REQUIRE(finished.size() == 1);
  CHECK(finished[0].contributions.empty());
}

}  // namespace
}  // namespace paramd
