#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace paramd {

// Values of each flag that was given, in their order.
using FlagValues = std::map<std::string, std::vector<std::string>>;

// Reads "--name value" and "--name=value"; "-o" is short for "--output". INVALID_ARGUMENT: a flag
// that is not in `known`, a flag without a value, an argument that is no flag.
absl::StatusOr<FlagValues> ParseFlagValues(absl::Span<const std::string> args,
                                           const std::set<std::string>& known);

}  // namespace paramd
