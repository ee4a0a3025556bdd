#pragma once

#include <cstdint>

#include "paramd/v1/config.pb.h"

namespace paramd {

// What the learning rate of the step at `clock` is multiplied by, from 0 to 1, as config.proto says
// at Schedule. A type that is not set is constant. `every` and `steps`, where the type uses them,
// are at least 1.
double ScheduleFactor(const v1::Schedule& schedule, uint64_t clock);

}  // namespace paramd
