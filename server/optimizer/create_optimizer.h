#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "paramd/v1/config.pb.h"
#include "server/optimizer/optimizer.h"

namespace paramd {

// The optimizer that the settings name, in code for this CPU.
// INVALID_ARGUMENT: the type is not set, or a setting it uses is not finite or out of the range
// that config.proto gives.
absl::StatusOr<std::unique_ptr<const Optimizer>> CreateOptimizer(const v1::Optimizer& settings);

}  // namespace paramd
