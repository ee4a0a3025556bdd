#pragma once

#include <string>

#include "absl/types/span.h"

namespace paramd {

// `paramctl config validate FILE`: exit code 0, or kExitBadConfig with every error on stderr.
int RunConfigValidate(absl::Span<const std::string> args);

// `paramctl config render FILE`: prints the configuration with every setting and where it came
// from.
int RunConfigRender(absl::Span<const std::string> args);

}  // namespace paramd
