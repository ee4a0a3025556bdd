#pragma once

#include <string>

#include "absl/types/span.h"

namespace paramd {

// `paramctl model export`: writes a saved model for other programs, or smaller, and prints its size
// and, on data, its figures before and after. `args` are the arguments behind "model export".
// Returns the exit code: 0, 1, 2 (usage) or 65 (bad data, or a file that is no model that the
// format holds).
int RunModelExport(absl::Span<const std::string> args);

}  // namespace paramd
