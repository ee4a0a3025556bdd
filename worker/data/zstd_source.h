#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "worker/data/byte_source.h"

namespace paramd {

// Decompresses a Zstandard file (RFC 8878), of one frame or several one after the other. Windows
// above 128 MiB are refused. Errors: those of `source`; DATA_LOSS with `name` and the offset in the
// compressed file when it is corrupt, cut short or has no frame at all.
absl::StatusOr<std::unique_ptr<ByteSource>> MakeZstdSource(std::unique_ptr<ByteSource> source,
                                                           const std::string& name);

}  // namespace paramd
