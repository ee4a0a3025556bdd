#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/config/origin.h"
#include "paramd/v1/config.pb.h"

namespace paramd {

// What a configuration is made of; later members take precedence over earlier ones.
struct ConfigSources {
  // YAML file. Empty: none. Errors show it as it is given here.
  std::string file;
  // Its content, instead of reading `file`.
  std::optional<std::string> text;
  // PARAMD_CLUSTER__SERVERS=3 sets cluster.servers: two underscores separate the parts of the path,
  // in any case. Names without PARAMD_ or without two underscores are no settings.
  std::map<std::string, std::string> environment;
  // "cluster.servers=3", in order. List elements go by index and tables also by name:
  // "tables.weights.optimizer.type=sgd".
  std::vector<std::string> overrides;
  // What relative paths of the environment and of overrides, and `file`, are taken from. Empty: the
  // process's own.
  std::string working_directory;
};

struct LoadedConfig {
  // Every default filled in; paths are absolute. What does not apply is unset: model.classes
  // of a model that is not softmax_regression, data.csv of libsvm, and so on.
  v1::Config config;
  // Of every setting that applies, also of lists and their elements.
  Origins origins;
  // As in ConfigSources.
  std::string file;
};

// Reads a configuration strictly, by the (setting) options of proto/paramd/v1/config.proto. Every
// error means exit code kExitBadConfig. INVALID_ARGUMENT: everything that is wrong, a line each,
// "file:line:column: path: what is wrong", or with "environment NAME" or "--set a.b=c" as the
// place. Otherwise the file cannot be read (NOT_FOUND, PERMISSION_DENIED, UNAVAILABLE).
//
// Changing a type or mode in the environment or by an override drops what a source of lower
// precedence set for the former one (optimizer.type=sgd drops the file's optimizer.alpha). A
// table's own optimizer or consistency takes nothing from the general one.
absl::StatusOr<LoadedConfig> LoadConfig(const ConfigSources& sources);

// The process's environment variables whose names begin with PARAMD_.
std::map<std::string, std::string> ParamdEnvironment();

}  // namespace paramd
