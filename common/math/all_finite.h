#pragma once

#include <cstddef>

namespace paramd {

// Whether none of values, float32[size] at any alignment, is infinite or NaN.
bool AllFinite(const void* values, size_t size);

}  // namespace paramd
