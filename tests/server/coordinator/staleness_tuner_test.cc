#include "server/coordinator/staleness_tuner.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

namespace paramd {
namespace {

using Window = StalenessTuner::Window;

// The bounds after windows of which `waited` and `loss` are given by the bound and the time.
template <typename WaitedOf, typename LossOf>
std::vector<uint32_t> Bounds(StalenessTuner* tuner, int windows, const WaitedOf& waited,
                             const LossOf& loss) {
  std::vector<uint32_t> bounds;
  for (int i = 0; i < windows; ++i) {
    tuner->Look({.waited = waited(tuner->steps()), .loss = loss(i, tuner->steps())});
    bounds.push_back(tuner->steps());
  }
  return bounds;
}

double Falling(int i, uint32_t) { return 1.0 / (1 + i); }

TEST_CASE("the bound begins within its limits") {
  CHECK(StalenessTuner({.min = 2, .max = 8}, 4).steps() == 4);
  CHECK(StalenessTuner({.min = 6, .max = 8}, 4).steps() == 6);
  CHECK(StalenessTuner({.min = 0, .max = 2}, 4).steps() == 2);
}

TEST_CASE("while workers wait the bound is raised, up to its limit") {
  StalenessTuner tuner({.min = 0, .max = 20}, 0);
  CHECK(Bounds(
            &tuner, 7, [](uint32_t) { return 0.2; }, Falling) ==
        std::vector<uint32_t>{1, 2, 4, 8, 16, 20, 20});
  StalenessTuner faster({.min = 0, .max = 80}, 0);
  CHECK(Bounds(
            &faster, 5, [](uint32_t) { return 0.5; }, Falling) ==
        std::vector<uint32_t>{1, 4, 16, 64, 80});
}

TEST_CASE("what was chosen is told with its reason") {
  StalenessTuner tuner({.min = 0, .max = 20}, 4);
  const auto choice = tuner.Look({.waited = 0.125, .loss = 1});
  REQUIRE(choice.has_value());
  CHECK(choice->steps == 8);
  CHECK(choice->reason == "workers waited 12 % of the time");
  CHECK_FALSE(tuner.Look({.waited = 0.05, .loss = 1}).has_value());
}

TEST_CASE("a bound that makes the loss rise is halved, and not tried again for a while") {
  StalenessTuner tuner({.min = 0, .max = 64}, 4);
  // Workers always wait; with more than 8 steps the loss goes up.
  double loss = 1;
  int tried = 0, too_much = 0;
  for (int i = 0; i < 200; ++i) {
    const bool bad = tuner.steps() > 8;
    loss *= bad ? 1.1 : 0.98;
    const uint32_t before = tuner.steps();
    tuner.Look({.waited = 0.2, .loss = loss});
    tried += before <= 8 && tuner.steps() > 8;
    too_much += bad;
    CHECK(tuner.steps() <= 32);
  }
  CHECK(loss < 0.5);
  // Once, and again after 8, 16, 32, 64 windows.
  CHECK(tried <= 6);
  CHECK(too_much <= 20);
}

TEST_CASE("one window with a high loss changes nothing") {
  StalenessTuner tuner({.min = 0, .max = 64}, 8);
  tuner.Look({.waited = 0.05, .loss = 1});
  CHECK_FALSE(tuner.Look({.waited = 0.5, .loss = 1.5}).has_value());
  tuner.Look({.waited = 0.05, .loss = 1});
  CHECK_FALSE(tuner.Look({.waited = 0.05, .loss = 1.5}).has_value());
  CHECK(tuner.steps() == 8);
}

TEST_CASE("noise of a loss near its least is no rise") {
  StalenessTuner tuner({.min = 0, .max = 8}, 8);
  tuner.Look({.waited = 0.05, .loss = 2});
  for (int i = 0; i < 50; ++i) {
    // Up and down by half, but a small part of what was learnt.
    tuner.Look({.waited = 0.05, .loss = i / 3 % 2 == 0 ? 0.02 : 0.03});
    CHECK(tuner.steps() == 8);
  }
}

TEST_CASE("a loss that is no number is a rise, also at once") {
  for (const double loss : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    StalenessTuner tuner({.min = 1, .max = 8}, 8);
    for (int i = 0; i < 20; ++i) tuner.Look({.waited = 0.5, .loss = loss});
    CHECK(tuner.steps() == 1);
  }
}

TEST_CASE("data that grow harder do not hold the bound down for ever") {
  StalenessTuner tuner({.min = 0, .max = 64}, 4);
  tuner.Look({.waited = 0.05, .loss = 0.2});
  for (int i = 0; i < 400; ++i) tuner.Look({.waited = 0.5, .loss = 0.4});
  CHECK(tuner.steps() == 64);
}

TEST_CASE("a bound that nobody uses is lowered, ever more seldom when it is missed") {
  StalenessTuner tuner({.min = 0, .max = 64}, 32);
  // With 8 steps or more nobody waits, with fewer everybody does.
  const auto bounds = Bounds(
      &tuner, 400, [](uint32_t steps) { return steps >= 8 ? 0.0 : 0.2; }, Falling);
  CHECK(bounds[0] == 16);
  CHECK(bounds[1] == 8);
  CHECK(bounds[2] == 4);
  CHECK(bounds[3] == 8);
  CHECK(std::count(bounds.begin(), bounds.end(), 4) <= 8);
  CHECK(std::count(bounds.begin(), bounds.end(), 8) >= 380);
}

}  // namespace
}  // namespace paramd
