#pragma once

#include <string>

#include "common/config/config.h"

namespace paramd {

// YAML with every setting that applies, one a line, each with a comment that tells where its value
// came from. Loads again to the same Config; paths are absolute.
std::string RenderConfig(const LoadedConfig& loaded);

}  // namespace paramd
