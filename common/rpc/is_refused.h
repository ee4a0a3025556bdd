#pragma once

#include <string>

#include "absl/time/time.h"

namespace paramd {

// Whether the host of `address` (host:port) says that nobody listens there: a connection is
// refused. A host that is cut off, or a process that is stopped, refuses nothing. Blocks for
// `timeout` at most, besides the look-up of the name.
bool IsRefused(const std::string& address, absl::Duration timeout);

}  // namespace paramd
