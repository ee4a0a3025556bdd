#pragma once

#include "common/config/errors.h"
#include "common/config/origin.h"
#include "common/config/scalar.h"
#include "common/config/yaml_tree.h"
#include "paramd/v1/config.pb.h"

namespace paramd {

// Fills `config` from `root` and from defaults, by the (setting) options of config.proto, and
// `origins` with every setting that has a good value. What is wrong is added to `errors`.
// A setting that does not apply (only_for) stays unset; giving one is an error, unless its type or
// mode was overridden by something of higher precedence, which drops it.
void ReadConfig(const YamlNode& root, const PathBases& bases, v1::Config& config, Origins& origins,
                ConfigErrors& errors);

// An optimizer with the defaults of its type.
v1::Optimizer DefaultOptimizer(v1::Optimizer::Type type);

}  // namespace paramd
