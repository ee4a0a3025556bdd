#include "deploy/paramctl/command.h"

#include <algorithm>
#include <iostream>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/base/exit_code.h"
#include "common/config/flags.h"
#include "common/config/suggest.h"

namespace paramd {
namespace {

// Those whose names begin with `prefix`.
std::string List(absl::Span<const Command> commands, absl::string_view prefix) {
  std::string text;
  for (const Command& command : commands) {
    if (!absl::StartsWith(command.name, prefix)) continue;
    absl::StrAppendFormat(&text, "  %-18s %s\n", command.name, command.summary);
  }
  return text;
}

std::string Help(absl::Span<const Command> commands) {
  return absl::StrCat(
      "usage: paramctl COMMAND [flags] [arguments]\n\nCommands:\n", List(commands, ""),
      "\nparamctl COMMAND --help tells more. Exit codes: 0 done, 1 failure, 2 usage, "
      "65 bad data,\n78 bad configuration.\n");
}

// The command whose name `args` begin with; takes the name off `args`.
const Command* Take(absl::Span<const Command> commands, absl::Span<const std::string>& args) {
  for (const size_t words : {size_t{2}, size_t{1}}) {
    if (args.size() < words) continue;
    const std::string name = absl::StrJoin(args.first(words), " ");
    for (const Command& command : commands) {
      if (command.name != name) continue;
      args.remove_prefix(words);
      return &command;
    }
  }
  return nullptr;
}

int Unknown(absl::Span<const Command> commands, absl::Span<const std::string> args) {
  const std::string group = List(commands, args[0] + " ");
  std::vector<std::string> names;
  for (const Command& command : commands) names.push_back(command.name);
  if (group.empty()) {
    std::cerr << "paramctl: unknown command \"" << args[0] << "\"" << DidYouMean(args[0], names);
  } else if (args.size() == 1) {
    std::cerr << "paramctl: " << args[0] << " wants one of\n" << group;
  } else {
    const std::string name = absl::StrCat(args[0], " ", args[1]);
    std::cerr << "paramctl: unknown command \"" << name << "\"" << DidYouMean(name, names);
  }
  std::cerr << (group.empty() || args.size() > 1 ? "\n" : "") << "Try paramctl help.\n";
  return kExitUsage;
}

}  // namespace

int RunCommandLine(absl::Span<const Command> commands, absl::Span<const std::string> args) {
  if (args.empty()) {
    std::cerr << Help(commands);
    return kExitUsage;
  }
  if (args[0] == "--version") {
    std::cout << "paramd " << kVersion << "\n";
    return kExitDone;
  }
  const bool help = args[0] == "help" || args[0] == "--help" || args[0] == "-h";
  if (help && args.size() == 1) {
    std::cout << Help(commands);
    return kExitDone;
  }
  if (help) args.remove_prefix(1);
  absl::Span<const std::string> rest = args;
  const Command* command = Take(commands, rest);
  if (command == nullptr) return Unknown(commands, args);
  return help ? command->run(std::vector<std::string>{"--help"}) : command->run(rest);
}

}  // namespace paramd
