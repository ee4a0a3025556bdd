#include "common/config/config_flags.h"

namespace paramd {

void ConfigFlags::AddTo(Flags& flags) {
  flags.String("config,c", "FILE", "YAML file with the settings", config);
  AddSetTo(flags);
}

void ConfigFlags::AddSetTo(Flags& flags) {
  flags.Repeated("set", "PATH=VALUE",
                 "override one setting, such as cluster.servers=3; may be repeated", set);
}

ConfigSources ConfigFlags::Sources() const {
  return {.file = config, .environment = ParamdEnvironment(), .overrides = set};
}

}  // namespace paramd
