#pragma once

#include <string>

#include "absl/types/span.h"

namespace paramd {

// `paramctl status`: the state of a cluster, once or again and again. Exit codes: 0 healthy,
// kExitDegraded, kExitUnreachable, 2 usage, 78 bad configuration.
int RunStatus(absl::Span<const std::string> args);

}  // namespace paramd
