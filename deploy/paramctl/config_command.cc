#include "deploy/paramctl/config_command.h"

#include <iostream>

#include "absl/status/statusor.h"
#include "common/base/exit_code.h"
#include "common/config/config.h"
#include "common/config/config_flags.h"
#include "common/config/flags.h"
#include "common/config/render.h"

namespace paramd {
namespace {

// Loads the FILE of `args` and prints `show` of it.
template <typename Show>
int LoadAndShow(Flags flags, absl::Span<const std::string> args, const Show& show) {
  ConfigFlags config;
  config.AddSetTo(flags);
  flags.Argument("FILE", "YAML file with the settings", config.config);
  if (const auto exit_code = flags.ParseOrExitCode(args)) return *exit_code;
  const absl::StatusOr<LoadedConfig> loaded = LoadConfig(config.Sources());
  if (!loaded.ok()) {
    std::cerr << loaded.status().message() << "\n";
    return kExitBadConfig;
  }
  std::cout << show(*loaded);
  return kExitDone;
}

}  // namespace

int RunConfigValidate(absl::Span<const std::string> args) {
  return LoadAndShow(Flags("paramctl config validate",
                           "reads a configuration and tells everything that is wrong with it."),
                     args, [](const LoadedConfig& loaded) { return loaded.file + ": OK\n"; });
}

int RunConfigRender(absl::Span<const std::string> args) {
  return LoadAndShow(Flags("paramctl config render",
                           "prints a configuration with every setting filled in, and where each "
                           "value came from."),
                     args, RenderConfig);
}

}  // namespace paramd
