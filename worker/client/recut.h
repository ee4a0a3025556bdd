#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "common/wire/value_codec.h"
#include "paramd/v1/coordinator.pb.h"
#include "worker/client/gradient_encoder.h"
#include "worker/client/row_plan.h"

namespace paramd {

// Rows of one operation: a part of a plan, and, of a push, its encoded values.
struct Fragment {
  std::shared_ptr<const RowPlan> plan;
  uint32_t part = 0;
  ValueSlices values;
};

// Cuts the rows of an operation anew, by the placement that `planner` was made for: one fragment
// for each server, ascending. `fragments`: of one table and without a shard in common. Values are
// referred to, not copied. A pure function.
std::vector<std::pair<uint32_t, Fragment>> Recut(absl::Span<const Fragment> fragments,
                                                 ValueCodec codec,
                                                 const v1::TablePlacement& placement,
                                                 const RowPlanner& planner);

}  // namespace paramd
