#pragma once

#include <cstdint>

#include "paramd/v1/config.pb.h"
#include "paramd/v1/coordinator.pb.h"

namespace paramd {

// The smallest MinClock() at which a pull for step `pull_clock` (by a client that has finished
// `pull_clock` steps) may be answered:
//   asp  0: a pull never waits
//   ssp  pull_clock - staleness: nobody works more than `staleness` steps ahead of the slowest
//   bsp  pull_clock: every step before it is finished by everybody
uint64_t ClockToWaitFor(const v1::Consistency& consistency, uint64_t pull_clock);

// What holds for a table's pull for step `pull_clock`: TableSpec.consistency, but before
// consistency_from what had held before it was changed on the running cluster.
const v1::Consistency& ConsistencyAt(const v1::TableSpec& spec, uint64_t pull_clock);

// Whether the bound tunes itself, between staleness_min and staleness_max.
inline bool HasAutoStaleness(const v1::Consistency& consistency) {
  return consistency.mode() == v1::Consistency::SSP && consistency.staleness().auto_();
}

// What of those limits is nearest to `steps`.
uint32_t WithinLimits(const v1::Consistency& consistency, uint32_t steps);

inline bool PullMayProceed(const v1::Consistency& consistency, uint64_t pull_clock,
                           uint64_t min_clock) {
  return min_clock >= ClockToWaitFor(consistency, pull_clock);
}

}  // namespace paramd
