#pragma once

#include <cstddef>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace paramd {

// A stream of bytes that is read once, from its beginning to its end. Not thread-safe.
class ByteSource {
 public:
  virtual ~ByteSource() = default;

  // Fills the beginning of `buffer` (not empty) and returns how many bytes; 0 only at the end.
  // Errors name the file; after one the source is of no more use.
  virtual absl::StatusOr<size_t> Read(absl::Span<char> buffer) = 0;
};

}  // namespace paramd
