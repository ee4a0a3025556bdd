#include "worker/trainer/progress.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "tests/testing/manual_clock.h"

namespace paramd {
namespace {

TEST_CASE("rates are over the last seconds") {
  ManualClock clock;
  Progress progress(clock);
  CHECK(std::isnan(progress.Report().recent_loss()));
  for (int second = 0; second < 20; ++second) {
    clock.Advance(absl::Seconds(1));
    progress.Add(100, 50);
    progress.Report();
  }
  CHECK(progress.Report().examples() == 2000);
  CHECK(progress.Report().loss_sum() == 1000);
  CHECK(progress.Report().examples_per_second() == Approx(100));
  CHECK(progress.Report().recent_loss() == Approx(0.5));
  for (int second = 0; second < 10; ++second) {
    clock.Advance(absl::Seconds(1));
    progress.Add(400, 100);
    progress.Report();
  }
  CHECK(progress.Report().examples_per_second() == Approx(400));
  CHECK(progress.Report().recent_loss() == Approx(0.25));
}

TEST_CASE("activity and clock are reported as they are") {
  ManualClock clock;
  Progress progress(clock);
  progress.SetActivity("training");
  progress.SetClock(7);
  CHECK(progress.Report().activity() == "training");
  CHECK(progress.Report().clock() == 7);
}

}  // namespace
}  // namespace paramd
