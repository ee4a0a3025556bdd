#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "paramd/v1/config.pb.h"
#include "paramd/v1/coordinator.pb.h"

namespace paramd {

// The tables that a model declares, each with the consistency mode and the optimizer that the
// configuration gives it: its own from `tables`, otherwise the general ones. INVALID_ARGUMENT: a
// row does not fit into half of transport.max_message, rows are to be used again for longer than
// the consistency mode allows, a mode in which workers keep changes back is to go with another
// optimizer than plain sgd, or the configuration names a table that the model does not have.
absl::StatusOr<std::vector<v1::TableSpec>> WithPolicies(const v1::TableDeclaration& declared,
                                                        const v1::Config& config);

}  // namespace paramd
