#include "common/config/flags.h"

#include <algorithm>
#include <charconv>
#include <iostream>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "common/base/exit_code.h"
#include "common/base/status_macros.h"
#include "common/config/suggest.h"

namespace paramd {
namespace {

constexpr size_t kHelpColumn = 30;

void AppendHelp(std::string left, absl::string_view help, std::string& text) {
  left = "  " + left;
  if (left.size() + 2 > kHelpColumn) {
    absl::StrAppend(&text, left, "\n");
    left.clear();
  }
  left.resize(kHelpColumn, ' ');
  absl::StrAppend(&text, left, help, "\n");
}

// Sets `target` when the whole of `text` is a number from `min` to `max`.
template <typename T>
absl::Status SetNumber(const std::string& text, T min, T max, T& target) {
  T number;
  const char* const end = text.data() + text.size();
  const std::from_chars_result result = std::from_chars(text.data(), end, number);
  if (result.ec != std::errc() || result.ptr != end || !(number >= min && number <= max)) {
    return absl::InvalidArgumentError(
        absl::StrCat("wants a number from ", min, " to ", max, ", not \"", text, "\""));
  }
  target = number;
  return absl::OkStatus();
}

}  // namespace

Flags::Flags(std::string program, std::string description)
    : program_(std::move(program)), description_(std::move(description)) {
  Switch("help,h", "print this text", help_);
  Switch("version", "print the version", version_);
}

void Flags::String(absl::string_view name, std::string placeholder, std::string help,
                   std::string& target) {
  Add(name, {.placeholder = std::move(placeholder),
             .help = std::move(help),
             .default_value = target,
             .set = [&target](const std::string& value) {
               target = value;
               return absl::OkStatus();
             }});
}

void Flags::Count(absl::string_view name, std::string placeholder, std::string help,
                  std::optional<uint32_t>& target) {
  Add(name, {.placeholder = std::move(placeholder),
             .help = std::move(help),
             .default_value = target.has_value() ? absl::StrCat(*target) : "",
             .set = [&target](const std::string& value) {
               uint32_t count = 0;
               if (!absl::SimpleAtoi(value, &count)) {
                 return absl::InvalidArgumentError(
                     absl::StrCat("wants a whole number, not \"", value, "\""));
               }
               target = count;
               return absl::OkStatus();
             }});
}

void Flags::Number(absl::string_view name, std::string help, uint64_t min, uint64_t max,
                   uint64_t& target) {
  Add(name, {.placeholder = "N",
             .help = std::move(help),
             .default_value = absl::StrCat(target),
             .set = [=, &target](const std::string& value) {
               return SetNumber(value, min, max, target);
             }});
}

void Flags::Number(absl::string_view name, std::string help, double min, double max,
                   double& target) {
  Add(name, {.placeholder = "X",
             .help = std::move(help),
             .default_value = absl::StrCat(target),
             .set = [=, &target](const std::string& value) {
               return SetNumber(value, min, max, target);
             }});
}

void Flags::Switch(absl::string_view name, std::string help, bool& target) {
  Add(name, {.help = std::move(help), .set = [&target](const std::string& value) {
               if (value != "true" && value != "false") {
                 return absl::InvalidArgumentError(
                     absl::StrCat("wants true or false, not \"", value, "\""));
               }
               target = value == "true";
               return absl::OkStatus();
             }});
}

void Flags::Repeated(absl::string_view name, std::string placeholder, std::string help,
                     std::vector<std::string>& target) {
  Add(name, {.placeholder = std::move(placeholder),
             .help = std::move(help),
             .set = [&target](const std::string& value) {
               target.push_back(value);
               return absl::OkStatus();
             }});
}

void Flags::Choice(absl::string_view name, std::vector<std::string> choices, std::string help,
                   std::string& target) {
  Add(name, {.placeholder = absl::StrJoin(choices, "|"),
             .help = std::move(help),
             .default_value = target,
             .set = [&target, choices](const std::string& value) {
               if (std::find(choices.begin(), choices.end(), value) == choices.end()) {
                 return absl::InvalidArgumentError(
                     absl::StrCat("wants ", absl::StrJoin(choices, " or "), ", not \"", value, "\"",
                                  DidYouMean(value, choices)));
               }
               target = value;
               return absl::OkStatus();
             }});
}

void Flags::Argument(std::string placeholder, std::string help, std::string& target,
                     bool required) {
  arguments_.push_back({std::move(placeholder), std::move(help), &target, required});
}

void Flags::Add(absl::string_view name, Flag flag) {
  const std::pair<std::string, std::string> names = absl::StrSplit(name, ',');
  flag.name = names.first;
  flag.letter = names.second;
  flags_.push_back(std::move(flag));
}

const Flags::Flag* Flags::Find(absl::string_view shown) const {
  const std::string folded = absl::StrReplaceAll(shown.substr(1), {{"-", "_"}});
  if (folded.empty()) return nullptr;
  for (const Flag& flag : flags_)
    if (folded == (absl::StartsWith(shown, "--") ? "_" + flag.name : flag.letter)) return &flag;
  return nullptr;
}

absl::Status Flags::Unknown(absl::string_view shown) const {
  std::vector<std::string> names;
  for (const Flag& flag : flags_) names.push_back("--" + flag.name);
  return absl::InvalidArgumentError(absl::StrCat("unknown flag ", shown, DidYouMean(shown, names)));
}

absl::Status Flags::SetArgument(absl::string_view arg, size_t index) {
  if (index >= arguments_.size()) {
    return absl::InvalidArgumentError(absl::StrCat("unexpected argument \"", arg, "\""));
  }
  *arguments_[index].target = std::string(arg);
  return absl::OkStatus();
}

absl::Status Flags::SetFlag(absl::string_view arg, absl::Span<const std::string>& rest) {
  const size_t equals = arg.find('=');
  const absl::string_view shown = arg.substr(0, equals);
  const Flag* flag = Find(shown);
  if (flag == nullptr) return Unknown(shown);
  std::string value = "true";
  if (equals != absl::string_view::npos) {
    value = std::string(arg.substr(equals + 1));
  } else if (!flag->placeholder.empty()) {
    if (rest.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(shown, " wants ", flag->placeholder));
    }
    value = rest.front();
    rest.remove_prefix(1);
  }
  const absl::Status status = flag->set(value);
  if (status.ok()) return status;
  return absl::InvalidArgumentError(absl::StrCat(shown, ": ", status.message()));
}

absl::Status Flags::Parse(absl::Span<const std::string> args) {
  size_t argument = 0;
  bool only_arguments = false;
  while (!args.empty()) {
    const absl::string_view arg = args.front();
    args.remove_prefix(1);
    if (only_arguments || arg == "-" || !absl::StartsWith(arg, "-")) {
      RETURN_IF_ERROR(SetArgument(arg, argument++));
    } else if (arg == "--") {
      only_arguments = true;
    } else {
      RETURN_IF_ERROR(SetFlag(arg, args));
    }
  }
  const bool missing = argument < arguments_.size() && arguments_[argument].required;
  if (!missing || help_ || version_) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(arguments_[argument].placeholder, " is missing"));
}

std::optional<int> Flags::ParseOrExitCode(absl::Span<const std::string> args) {
  const absl::Status status = Parse(args);
  if (!status.ok()) {
    std::cerr << program_ << ": " << status.message() << "\n"
              << Usage() << "\n"
              << "Try " << program_ << " --help.\n";
    return kExitUsage;
  }
  if (help_) {
    std::cout << Help();
    return kExitDone;
  }
  if (version_) {
    std::cout << "paramd " << kVersion << "\n";
    return kExitDone;
  }
  return std::nullopt;
}

std::string Flags::Usage() const {
  std::string text = absl::StrCat("usage: ", program_, " [flags]");
  for (const Positional& argument : arguments_) {
    absl::StrAppend(&text, argument.required ? " " : " [", argument.placeholder,
                    argument.required ? "" : "]");
  }
  return text;
}

std::string Flags::Help() const {
  std::string text = absl::StrCat(Usage(), "\n\n", program_, " ", description_, "\n");
  if (!arguments_.empty()) absl::StrAppend(&text, "\nArguments:\n");
  for (const Positional& argument : arguments_) {
    AppendHelp(argument.placeholder, argument.help, text);
  }
  absl::StrAppend(&text, "\nFlags:\n");
  for (const Flag& flag : flags_) {
    const std::string letter = flag.letter.empty() ? "" : absl::StrCat("-", flag.letter, ", ");
    AppendHelp(absl::StrCat(letter, "--", flag.name, flag.placeholder.empty() ? "" : " ",
                            flag.placeholder),
               flag.default_value.empty()
                   ? flag.help
                   : absl::StrCat(flag.help, " (default ", flag.default_value, ")"),
               text);
  }
  return text;
}

std::vector<std::string> Arguments(int argc, char** argv) {
  return std::vector<std::string>(argv + std::min(argc, 1), argv + argc);
}

}  // namespace paramd
