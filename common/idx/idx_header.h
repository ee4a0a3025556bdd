#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace paramd {

// The beginning of a file in the IDX format of MNIST (Y. LeCun, "The MNIST database of handwritten
// digits"), of unsigned bytes:
//   0, 0, 8, number of dimensions (1 to 8), each dimension as a big-endian 32-bit number
// and then the elements, the last index running fastest. The first dimension counts the records.
struct IdxHeader {
  static constexpr size_t kMaxBytes = 4 + 8 * 4;

  uint64_t records = 0;
  uint64_t record_bytes = 1;  // the product of the other dimensions, which are not 0
  uint64_t bytes = 0;         // of the header itself

  uint64_t file_bytes() const { return bytes + records * record_bytes; }
};

// Reads the header at the beginning of `content`, which has kMaxBytes, or fewer if the file has no
// more. `file` is for messages. INVALID_ARGUMENT: it is no such header, or a record has more than
// 2^28 bytes.
absl::StatusOr<IdxHeader> ParseIdxHeader(absl::string_view content, const std::string& file);

}  // namespace paramd
