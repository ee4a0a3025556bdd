#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace paramd {

// Path of `program`, which the build puts below `folder`, and an installation beside this program;
// with `bin_dir` (empty: none) it is there. NOT_FOUND: where it is not.
absl::StatusOr<std::string> FindProgram(const std::string& bin_dir, const std::string& folder,
                                        const std::string& program);

}  // namespace paramd
