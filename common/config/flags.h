#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace paramd {

// Version of every program of this tree.
inline constexpr absl::string_view kVersion = "0.1.0";

// The command line of a program: --name=value or --name value, switches as --name or --name=false,
// one-letter names as -o value, arguments without a name, and "--" before arguments that begin with
// '-'. '-' and '_' in names are the same. --help and --version are there by themselves.
// Not thread-safe. Use:
//   std::string listen = "127.0.0.1:0";
//   Flags flags("paramd_worker", "reads data, computes, pulls and pushes");
//   flags.String("listen", "HOST:PORT", "where to answer status requests", listen);
//   if (const auto exit_code = flags.ParseOrExitCode(args)) return *exit_code;
class Flags {
 public:
  // `program`: as a person calls it, such as "paramctl status".
  Flags(std::string program, std::string description);

  // The targets outlive the object and hold the defaults, which the help shows. `placeholder`
  // stands for the value in the help. `name` may be "output,o" for --output and -o.
  void String(absl::string_view name, std::string placeholder, std::string help,
              std::string& target);
  void Count(absl::string_view name, std::string placeholder, std::string help,
             std::optional<uint32_t>& target);
  // A number from `min` to `max`, without a unit.
  void Number(absl::string_view name, std::string help, uint64_t min, uint64_t max,
              uint64_t& target);
  void Number(absl::string_view name, std::string help, double min, double max, double& target);
  void Switch(absl::string_view name, std::string help, bool& target);
  // May be given several times.
  void Repeated(absl::string_view name, std::string placeholder, std::string help,
                std::vector<std::string>& target);
  // One of `choices`.
  void Choice(absl::string_view name, std::vector<std::string> choices, std::string help,
              std::string& target);
  // The next argument without a name.
  void Argument(std::string placeholder, std::string help, std::string& target,
                bool required = true);

  // Sets the targets; `args` without the program's name. INVALID_ARGUMENT: what is wrong, with a
  // suggestion; some targets may have been set.
  absl::Status Parse(absl::Span<const std::string> args);

  // Parse for main functions. What to exit with: 0 after --help or --version, which are printed on
  // stdout, 2 after a mistake, which is told on stderr with the usage; nullopt to go on.
  std::optional<int> ParseOrExitCode(absl::Span<const std::string> args);

  // "usage: paramctl status [flags] FILE".
  std::string Usage() const;
  // Usage, description, arguments and flags.
  std::string Help() const;

 private:
  struct Flag {
    std::string name;
    std::string letter;       // "" or one
    std::string placeholder;  // "": a switch
    std::string help;
    std::string default_value;
    std::function<absl::Status(const std::string&)> set;
  };
  struct Positional {
    std::string placeholder;
    std::string help;
    std::string* target;
    bool required;
  };

  void Add(absl::string_view name, Flag flag);
  // `shown`: with its dashes.
  const Flag* Find(absl::string_view shown) const;
  absl::Status Unknown(absl::string_view shown) const;
  absl::Status SetArgument(absl::string_view arg, size_t index);
  // Takes the value from the front of `rest` when `arg` does not hold it.
  absl::Status SetFlag(absl::string_view arg, absl::Span<const std::string>& rest);

  std::string program_;
  std::string description_;
  std::vector<Flag> flags_;
  std::vector<Positional> arguments_;
  bool help_ = false;
  bool version_ = false;
};

// The arguments of main, without the program's name.
std::vector<std::string> Arguments(int argc, char** argv);

}  // namespace paramd
