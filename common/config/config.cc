#include "common/config/config.h"

#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/config/check.h"
#include "common/config/errors.h"
#include "common/config/override.h"
#include "common/config/reader.h"
#include "common/config/yaml_tree.h"

namespace paramd {
namespace {

constexpr absl::string_view kPrefix = "PARAMD_";
// One byte more than a file may have, so that a larger one is noticed.
constexpr uint64_t kReadBytes = (1 << 20) + 1;

absl::StatusOr<PathBases> Bases(const ConfigSources& sources) {
  std::error_code error;
  const std::string current = std::filesystem::current_path(error).string();
  if (error) return absl::UnavailableError("the working directory: " + error.message());
  PathBases bases;
  bases.process = JoinPath(current, sources.working_directory);
  bases.file = JoinPath(bases.process, DirectoryOf(sources.file));
  return bases;
}

// What the file holds; nullopt when it cannot be made sense of, which is added to `errors`.
absl::StatusOr<std::optional<YamlNode>> ReadTree(const ConfigSources& sources,
                                                 ConfigErrors& errors) {
  const Origin start = {.kind = Origin::kFile, .line = 1, .column = 1};
  std::string text;
  if (sources.text.has_value()) {
    text = *sources.text;
  } else if (sources.file.empty()) {
    return YamlNode{.kind = YamlNode::kMap, .origin = start};
  } else {
    const std::string path = JoinPath(sources.working_directory, sources.file);
    ASSIGN_OR_RETURN(text, ReadFileRange(path, 0, kReadBytes));
  }
  std::optional<YamlNode> root = ParseYaml(text, start, errors);
  if (root.has_value() && root->kind == YamlNode::kNull) {
    errors.Add(start, "", "the file is empty");
    return std::nullopt;
  }
  return root;
}

void ApplyEnvironment(const ConfigSources& sources, YamlNode& root, ConfigErrors& errors) {
  for (const auto& [name, value] : sources.environment) {
    absl::string_view path = name;
    if (!absl::ConsumePrefix(&path, kPrefix) || !absl::StrContains(path, "__")) continue;
    ApplyOverride(absl::StrReplaceAll(absl::AsciiStrToLower(path), {{"__", "."}}), value,
                  {.kind = Origin::kEnvironment, .name = name}, root, errors);
  }
}

void ApplyFlags(const ConfigSources& sources, YamlNode& root, ConfigErrors& errors) {
  for (const std::string& setting : sources.overrides) {
    const Origin origin = {.kind = Origin::kFlag, .name = "--set " + setting};
    const size_t equals = setting.find('=');
    if (equals == std::string::npos) {
      errors.Add(origin, "", "wants path=value");
      continue;
    }
    ApplyOverride(absl::string_view(setting).substr(0, equals),
                  absl::string_view(setting).substr(equals + 1), origin, root, errors);
  }
}

}  // namespace

absl::StatusOr<LoadedConfig> LoadConfig(const ConfigSources& sources) {
  ConfigErrors errors;
  LoadedConfig loaded{.file = sources.file};
  ASSIGN_OR_RETURN(const PathBases bases, Bases(sources));
  ASSIGN_OR_RETURN(std::optional<YamlNode> root, ReadTree(sources, errors));
  if (root.has_value()) {
    ApplyEnvironment(sources, *root, errors);
    ApplyFlags(sources, *root, errors);
    ReadConfig(*root, bases, loaded.config, loaded.origins, errors);
    CheckConfig(loaded.config, loaded.origins, errors);
  }
  RETURN_IF_ERROR(errors.ToStatus(sources.file));
  return loaded;
}

std::map<std::string, std::string> ParamdEnvironment() {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const absl::string_view variable = *entry;
    const size_t equals = variable.find('=');
    if (equals == absl::string_view::npos || !absl::StartsWith(variable, kPrefix)) continue;
    variables.emplace(variable.substr(0, equals), variable.substr(equals + 1));
  }
  return variables;
}

}  // namespace paramd
