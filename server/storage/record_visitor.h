#pragma once

#include <functional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace paramd {

// Gets the payload of each record; an error of its own ends the reading, which returns it.
using RecordVisitor = std::function<absl::Status(absl::string_view payload)>;

}  // namespace paramd
