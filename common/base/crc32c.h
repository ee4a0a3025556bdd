#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace paramd {

// CRC-32C (Castagnoli, RFC 3720 appendix B.4) of `data`. crc32c("123456789") = 0xe3069283.
uint32_t Crc32c(absl::string_view data);

// That of some bytes, whose CRC is `crc`, followed by `data`.
uint32_t ExtendCrc32c(uint32_t crc, absl::string_view data);

}  // namespace paramd
