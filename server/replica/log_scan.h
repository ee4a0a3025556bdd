#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "paramd/v1/coordinator.pb.h"

namespace paramd {

// What the operation log in `folder` holds; nothing when there is none. Errors as of RecoverLog;
// DATA_LOSS also for a record that is no message.
absl::StatusOr<v1::HeldLog> ScanLog(const std::string& folder);

}  // namespace paramd
