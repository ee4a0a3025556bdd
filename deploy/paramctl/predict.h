#pragma once

#include <string>

#include "absl/types/span.h"

namespace paramd {

// `paramctl predict`: writes what a saved model says of the examples in data files as CSV, and
// prints the figures of `paramctl evaluate`. `args` are the arguments behind "predict". Returns the
// exit code: 0, 1, 2 (usage), 65 (bad data, or a file that is no model) or 78 (a bad --set).
int RunPredict(absl::Span<const std::string> args);

}  // namespace paramd
