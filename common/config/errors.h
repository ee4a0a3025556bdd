#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/config/origin.h"

namespace paramd {

// Collects everything that is wrong with a configuration, so that a person sees it in one run.
// Not thread-safe.
class ConfigErrors {
 public:
  // `path`: of the setting, dotted; empty when the error is about the file as a whole.
  void Add(const Origin& origin, absl::string_view path, absl::string_view message);

  bool empty() const { return errors_.empty(); }

  // OK, or INVALID_ARGUMENT with one line per error, "where: path: what is wrong": those of the
  // file in its order, then those of the environment, then those of flags. Beyond 1000 lines only
  // their number is told.
  absl::Status ToStatus(absl::string_view file) const;

 private:
  struct Error {
    Origin origin;
    std::string text;
  };

  std::vector<Error> errors_;
  size_t left_out_ = 0;
};

}  // namespace paramd
