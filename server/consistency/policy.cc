#include "server/consistency/policy.h"

#include <algorithm>

namespace paramd {

uint64_t ClockToWaitFor(const v1::Consistency& consistency, uint64_t pull_clock) {
  switch (consistency.mode()) {
    case v1::Consistency::SSP:
      return pull_clock - std::min<uint64_t>(pull_clock, consistency.staleness().steps());
    case v1::Consistency::BSP:
      return pull_clock;
    default:
      return 0;
  }
}

uint32_t WithinLimits(const v1::Consistency& consistency, uint32_t steps) {
  return std::clamp(steps, consistency.staleness_min(), consistency.staleness_max());
}

const v1::Consistency& ConsistencyAt(const v1::TableSpec& spec, uint64_t pull_clock) {
  return pull_clock < spec.consistency_from() ? spec.consistency_before() : spec.consistency();
}

}  // namespace paramd
