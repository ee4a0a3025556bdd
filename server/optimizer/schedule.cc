#include "server/optimizer/schedule.h"

#include <algorithm>
#include <cmath>

namespace paramd {

double ScheduleFactor(const v1::Schedule& schedule, uint64_t clock) {
  if (clock < schedule.warmup()) {
    return static_cast<double>(clock + 1) / static_cast<double>(schedule.warmup());
  }
  const uint64_t t = clock - schedule.warmup();
  const auto part = [&] {
    return static_cast<double>(std::min(t, schedule.steps())) /
           static_cast<double>(schedule.steps());
  };
  const double end = schedule.end();
  switch (schedule.type()) {
    case v1::Schedule::STEP:
      return std::pow(schedule.factor(), static_cast<double>(t / schedule.every()));
    case v1::Schedule::POLYNOMIAL:
      return end + (1 - end) * std::pow(1 - part(), schedule.power());
    case v1::Schedule::COSINE:
      return end + (1 - end) * (1 + std::cos(M_PI * part())) / 2;
    default:
      return 1;
  }
}

}  // namespace paramd
