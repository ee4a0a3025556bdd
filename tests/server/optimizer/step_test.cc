#include "server/optimizer/step.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "server/optimizer/schedule.h"

namespace paramd {
namespace {

v1::Schedule OfType(v1::Schedule::Type type, uint64_t warmup = 0) {
  v1::Schedule schedule;
  schedule.set_type(type);
  schedule.set_warmup(warmup);
  schedule.set_every(10);
  schedule.set_factor(0.5);
  schedule.set_steps(100);
  schedule.set_power(2);
  schedule.set_end(0.1);
  return schedule;
}

TEST_CASE("constant, or not set") {
  for (const uint64_t clock : {uint64_t{0}, uint64_t{7}, UINT64_MAX}) {
    CHECK(ScheduleFactor(OfType(v1::Schedule::CONSTANT), clock) == 1);
    CHECK(ScheduleFactor(v1::Schedule(), clock) == 1);
  }
}

TEST_CASE("warm-up goes up to 1, and the schedule begins after it") {
  const v1::Schedule schedule = OfType(v1::Schedule::STEP, 4);
  CHECK(ScheduleFactor(schedule, 0) == 0.25);
  CHECK(ScheduleFactor(schedule, 1) == 0.5);
  CHECK(ScheduleFactor(schedule, 3) == 1);
  CHECK(ScheduleFactor(schedule, 4) == 1);
  CHECK(ScheduleFactor(schedule, 13) == 1);
  CHECK(ScheduleFactor(schedule, 14) == 0.5);
}

TEST_CASE("step") {
  const v1::Schedule schedule = OfType(v1::Schedule::STEP);
  CHECK(ScheduleFactor(schedule, 0) == 1);
  CHECK(ScheduleFactor(schedule, 9) == 1);
  CHECK(ScheduleFactor(schedule, 10) == 0.5);
  CHECK(ScheduleFactor(schedule, 39) == 0.125);
  CHECK(ScheduleFactor(schedule, UINT64_MAX) == 0);
}

TEST_CASE("polynomial") {
  v1::Schedule schedule = OfType(v1::Schedule::POLYNOMIAL);
  CHECK(ScheduleFactor(schedule, 0) == 1);
  CHECK(ScheduleFactor(schedule, 50) == Approx(0.1 + 0.9 * 0.25));
  CHECK(ScheduleFactor(schedule, 90) == Approx(0.1 + 0.9 * 0.01));
  CHECK(ScheduleFactor(schedule, 100) == Approx(0.1));
  CHECK(ScheduleFactor(schedule, UINT64_MAX) == Approx(0.1));
  schedule.set_power(0);
  CHECK(ScheduleFactor(schedule, 1000) == 1);
}

TEST_CASE("cosine") {
  // Loshchilov and Hutter 2017, equation 5, one period; eta_min = 0.1, eta_max = 1.
  const v1::Schedule schedule = OfType(v1::Schedule::COSINE, 3);
  for (uint64_t t = 0; t <= 100; t += 5) {
    const double expected =
        0.1 + 0.5 * (1 - 0.1) * (1 + std::cos(static_cast<double>(t) / 100 * 3.14159265358979));
    CHECK(ScheduleFactor(schedule, t + 3) == Approx(expected));
  }
  CHECK(ScheduleFactor(schedule, 53) == Approx(0.55));
  CHECK(ScheduleFactor(schedule, UINT64_MAX) == Approx(0.1));
}

TEST_CASE("the rate is what is set, times the schedule, less for gradients that are late") {
  StepSettings settings = {
      .learning_rate = 0.8, .l1 = 0.25, .schedule = OfType(v1::Schedule::STEP)};
  CHECK(MakeStep(settings, {.clock = 5, .delay = 9}).rate == 0.8f);
  CHECK(MakeStep(settings, {.clock = 25, .delay = 9}).rate == 0.2f);
  CHECK(MakeStep(settings, {.clock = 25}).shrink == 0.05f);
  settings.delay = v1::DelayCompensation::SCALED_RATE;
  CHECK(MakeStep(settings, {.clock = 5, .delay = 0}).rate == 0.8f);
  CHECK(MakeStep(settings, {.clock = 5, .delay = 1}).rate == 0.8f);
  CHECK(MakeStep(settings, {.clock = 5, .delay = 4}).rate == 0.2f);
  CHECK(MakeStep(settings, {.clock = 5, .delay = 4}).shrink == 0.05f);
  settings.delay = v1::DelayCompensation::ADA_DELAY;
  CHECK(MakeStep(settings, {.clock = 0, .delay = 0}).rate == 0.8f);
  CHECK(MakeStep(settings, {.clock = 8, .delay = 7}).rate == 0.2f);
  CHECK(MakeStep(settings, {.clock = 15, .delay = 0}).rate == 0.1f);  // halved by the schedule
}

TEST_CASE("corrections of moments that begin at zero") {
  const StepSettings settings = {.beta1 = 0.9, .beta2 = 0.999};
  const Step first = MakeStep(settings, {.clock = 0}), third = MakeStep(settings, {.clock = 2});
  CHECK(first.first_correction == Approx(10));
  CHECK(first.second_correction == Approx(1000));
  CHECK(third.first_correction == Approx(1 / (1 - 0.9 * 0.9 * 0.9)));
  CHECK(third.second_correction == Approx(1 / (1 - 0.999 * 0.999 * 0.999)));
  CHECK(MakeStep(settings, {.clock = UINT64_MAX}).first_correction == 1);
  CHECK(MakeStep({}, {.clock = 0}).first_correction == 1);
}

TEST_CASE("nothing is clipped that is not to be") {
  CHECK(MakeStep({}, {}).clip == std::numeric_limits<float>::max());
  CHECK(MakeStep({.clip = 0.5}, {.examples = 7}).clip == 0.5f);
  CHECK(MakeStep({}, {.examples = 7}).examples == 7);
}

}  // namespace
}  // namespace paramd
