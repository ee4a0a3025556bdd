#include "server/optimizer/step.h"

#include <algorithm>
#include <cmath>

#include "server/optimizer/schedule.h"

namespace paramd {
namespace {

double DelayFactor(v1::DelayCompensation::Type type, double t, double delay) {
  switch (type) {
    case v1::DelayCompensation::SCALED_RATE:
      return 1 / std::max(delay, 1.0);
    case v1::DelayCompensation::ADA_DELAY:
      return 1 / std::sqrt(t + delay);
    default:
      return 1;
  }
}

// 1 / (1 - beta^t); beta < 1.
double Correction(double beta, double t) { return beta == 0 ? 1 : 1 / (1 - std::pow(beta, t)); }

}  // namespace

Step MakeStep(const StepSettings& settings, const GradientInfo& info) {
  const double t = static_cast<double>(info.clock) + 1;
  const double rate = settings.learning_rate * ScheduleFactor(settings.schedule, info.clock) *
                      DelayFactor(settings.delay, t, static_cast<double>(info.delay));
  return {.examples = static_cast<float>(info.examples),
          .rate = static_cast<float>(rate),
          .shrink = static_cast<float>(rate * settings.l1),
          .clip = static_cast<float>(settings.clip),
          .first_correction = static_cast<float>(Correction(settings.beta1, t)),
          .second_correction = static_cast<float>(Correction(settings.beta2, t))};
}

}  // namespace paramd
