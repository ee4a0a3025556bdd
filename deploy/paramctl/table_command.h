#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "paramd/v1/admin.pb.h"

namespace paramd {

// `paramctl table set TABLE SETTING=VALUE`: changes how a table's pulls wait on a running cluster.
// Exit codes: 0 changed, 1 it cannot be changed now, 2 usage, kExitUnreachable, 78 no such table or
// a wrong value.
int RunTableSet(absl::Span<const std::string> args);

// The request that `setting`, such as "consistency.staleness=8", asks for.
// INVALID_ARGUMENT: what is wrong with it.
absl::StatusOr<v1::SetTableRequest> ParseTableSetting(const std::string& table,
                                                      const std::string& setting);

}  // namespace paramd
