#pragma once

#include <string>

#include "absl/types/span.h"

namespace paramd {

// `paramctl evaluate`: measures a saved model on data files and prints the figures. `args` are the
// arguments behind "evaluate". Returns the exit code: 0, 1, 2 (usage) or 65 (bad data, or a file
// that is no model).
int RunEvaluate(absl::Span<const std::string> args);

}  // namespace paramd
