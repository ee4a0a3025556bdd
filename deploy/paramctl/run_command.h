#pragma once

#include <string>

#include "absl/types/span.h"

namespace paramd {

// `paramctl run CONFIG`: a whole cluster on this machine, until its job ends. Exit codes: as of the
// job; 1 also when it was interrupted, 2 usage, 78 bad configuration.
int RunRun(absl::Span<const std::string> args);

}  // namespace paramd
