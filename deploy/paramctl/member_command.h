#pragma once

#include <string>

#include "absl/types/span.h"

namespace paramd {

// `paramctl server drain NAME` and `paramctl worker drain NAME`: the member gives up its shards or
// its work and ends; returns when it has left. Exit codes: 0 it has, 1 it cannot be drained now, or
// was lost on the way, 2 usage, kExitUnreachable, 78 no such member.
int RunServerDrain(absl::Span<const std::string> args);
int RunWorkerDrain(absl::Span<const std::string> args);

// `paramctl server add` and `paramctl worker add`: starts one more member on this machine, which
// goes on when the command has ended; returns when it has joined, and a server has its shards. Exit
// codes: 0 it has, 1 it ended or the job did, 2 usage, kExitUnreachable.
int RunServerAdd(absl::Span<const std::string> args);
int RunWorkerAdd(absl::Span<const std::string> args);

}  // namespace paramd
