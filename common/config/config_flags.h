#pragma once

#include <string>
#include <vector>

#include "common/config/config.h"
#include "common/config/flags.h"

namespace paramd {

// The flags by which every program takes its configuration.
struct ConfigFlags {
  std::string config;
  std::vector<std::string> set;

  // Adds --config FILE and --set PATH=VALUE.
  void AddTo(Flags& flags);
  // Adds only --set, for programs that take the file as an argument.
  void AddSetTo(Flags& flags);

  // The file, this process's environment and the overrides.
  ConfigSources Sources() const;
};

}  // namespace paramd
