#include "deploy/paramctl/flag_values.h"

#include <cstddef>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace paramd {

absl::StatusOr<FlagValues> ParseFlagValues(absl::Span<const std::string> args,
                                           const std::set<std::string>& known) {
  FlagValues values;
  for (size_t i = 0; i < args.size(); ++i) {
    const size_t equals = args[i].find('=');
    const std::string flag = args[i] == "-o" ? "--output" : args[i].substr(0, equals);
    if (!absl::StartsWith(flag, "--")) {
      return absl::InvalidArgumentError(absl::StrCat("unexpected argument \"", args[i], "\""));
    }
    const std::string name = flag.substr(2);
    if (!known.contains(name)) {
      return absl::InvalidArgumentError(absl::StrCat("unknown flag ", flag));
    }
    if (args[i] != "-o" && equals != std::string::npos) {
      values[name].push_back(args[i].substr(equals + 1));
    } else if (i + 1 < args.size()) {
      values[name].push_back(args[++i]);
    } else {
      return absl::InvalidArgumentError(absl::StrCat(flag, " needs a value"));
    }
  }
  return values;
}

}  // namespace paramd
