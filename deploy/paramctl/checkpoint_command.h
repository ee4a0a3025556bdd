#pragma once

#include <string>

#include "absl/types/span.h"

namespace paramd {

// paramctl checkpoint save | list | verify | restore. Return the exit code.
int RunCheckpointSave(absl::Span<const std::string> args);
int RunCheckpointList(absl::Span<const std::string> args);
int RunCheckpointVerify(absl::Span<const std::string> args);
int RunCheckpointRestore(absl::Span<const std::string> args);

}  // namespace paramd
