#pragma once

#include <cstddef>

namespace paramd {

// How many times operator new has been called in this process. A test that links this has its own
// operator new and delete. Thread-safe.
size_t Allocations();

}  // namespace paramd
