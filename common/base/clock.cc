#include "common/base/clock.h"

#include <ctime>

#include "absl/time/clock.h"

namespace paramd {
namespace {

class SystemClock final : public Clock {
 public:
  absl::Duration SinceBoot() const override {
    timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return absl::DurationFromTimespec(now);
  }

  absl::Time Wall() const override { return absl::Now(); }
};

}  // namespace

Clock& Clock::System() {
  static SystemClock* const clock = new SystemClock;
  return *clock;
}

}  // namespace paramd
