#pragma once

#include <string>

#include "common/config/config.h"

namespace paramd {

// Seven good lines; what a test adds begins in line 8.
inline constexpr char kGood[] =
    "version: 1\n"
    "model: {type: logistic_regression}\n"
    "\n"
    "\n"
    "\n"
    "\n"
    "data: {train: [a]}\n";

inline std::string ErrorsOf(ConfigSources sources) {
  sources.file = "c.yaml";
  const auto loaded = LoadConfig(sources);
  return loaded.ok() ? "" : std::string(loaded.status().message());
}

inline std::string ErrorsOfText(const std::string& text) { return ErrorsOf({.text = text}); }

inline std::string ErrorsAfterGood(const std::string& text) { return ErrorsOfText(kGood + text); }

inline std::string ErrorsOfOverride(const std::string& setting) {
  return ErrorsOf({.text = kGood, .overrides = {setting}});
}

}  // namespace paramd
