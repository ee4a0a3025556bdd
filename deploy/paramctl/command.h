#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace paramd {

// One command of paramctl. Names have one word ("run") or two ("config render").
struct Command {
  std::string name;
  std::string summary;
  // Takes what stands behind the name; returns the exit code.
  int (*run)(absl::Span<const std::string> args);
};

// Runs the command that `args` (without the program's name) begin with, and returns its exit code.
// Answers help, --help and --version; exit code kExitUsage, with a suggestion on stderr, when there
// is no such command.
int RunCommandLine(absl::Span<const Command> commands, absl::Span<const std::string> args);

}  // namespace paramd
