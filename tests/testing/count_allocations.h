#pragma once

#include <cstddef>

namespace paramd {

// How many times operator new has been called in this process. A test that links this has its own
// operator new and delete. Thread-safe.
size_t Allocations();

// Bytes that operator new has given out and operator delete not taken back.
size_t LiveBytes();

}  // namespace paramd
