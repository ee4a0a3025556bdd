#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "worker/data/byte_source.h"

namespace paramd {

// Decompresses a gzip file (RFC 1952), of one member or several one after the other. Errors: those
// of `source`; DATA_LOSS with `name` and the offset in the compressed file when it is corrupt, cut
// short or has no member at all.
absl::StatusOr<std::unique_ptr<ByteSource>> MakeGzipSource(std::unique_ptr<ByteSource> source,
                                                           const std::string& name);

}  // namespace paramd
