#include "worker/trainer/slowdown.h"

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace paramd {

void Slowdown::Run(const std::function<void()>& work) const {
  if (factor_ <= 1) return work();
  const absl::Duration begin = clock_.SinceBoot();
  work();
  absl::SleepFor((factor_ - 1) * (clock_.SinceBoot() - begin));
}

}  // namespace paramd
