#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace paramd {

// Decimal numbers of data files. The whole of `text` must be the number; a leading '+' is allowed,
// white space is not. The locale plays no part.

// The float nearest to the number; false when `text` is no number, is NaN or infinite, or is too
// large for a float. A number too close to zero for a float is zero.
bool ParseFloat(absl::string_view text, float* value);

// False when `text` is no number from 0 to 2^64 - 1.
bool ParseUnsigned(absl::string_view text, uint64_t* value);

}  // namespace paramd
