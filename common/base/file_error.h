#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace paramd {

// A status for errno `error` after `action` on `path`: "open train.libsvm: No such file or
// directory". NOT_FOUND: no such file; PERMISSION_DENIED; RESOURCE_EXHAUSTED: no space left;
// otherwise UNAVAILABLE.
absl::Status FileError(int error, absl::string_view action, const std::string& path);

}  // namespace paramd
