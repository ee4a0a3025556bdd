#pragma once

#include <cstddef>

#include "absl/strings/string_view.h"

namespace paramd {

// Bytes of the UTF-8 character (RFC 3629, section 4) at the start of `text`, which is not empty; 0
// when there is none.
size_t Utf8Length(absl::string_view text);

bool IsUtf8(absl::string_view text);

}  // namespace paramd
