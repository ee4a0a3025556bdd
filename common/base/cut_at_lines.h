#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace paramd {

// Where a file of `size` bytes is cut into `parts` equal pieces: parts - 1 ascending offsets inside
// it, fewer when it is shorter than that. Pure.
std::vector<uint64_t> EqualCuts(uint64_t size, uint64_t parts);

// Cuts a text of `size` bytes into about `parts` pieces of about the same size: their bounds, the
// first 0, the last `size`, those between right behind a newline; neighbours may be equal. Reads
// only the neighbourhood of every cut. Errors: those of common/base/file.h.
absl::StatusOr<std::vector<uint64_t>> CutAtLines(const std::string& path, uint64_t size,
                                                 uint64_t parts);

}  // namespace paramd
