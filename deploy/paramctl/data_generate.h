#pragma once

#include <string>

#include "absl/types/span.h"

namespace paramd {

// `paramctl data generate`: writes a click log (deploy/paramctl/click_log.h) as train.libsvm and
// test.libsvm and prints the best AUC and log loss that a model can reach on test.libsvm. `args`
// are the arguments behind "generate". Returns the exit code: 0, 1 or 2 (usage).
int RunDataGenerate(absl::Span<const std::string> args);

}  // namespace paramd
