#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace paramd {

// `text` from a data file in quotes for a message: at most 40 bytes, escaped to ASCII.
std::string Quote(absl::string_view text);

}  // namespace paramd
