#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/data/byte_source.h"

namespace paramd {

// Whether the suffix of `path` (.gz, .zst) says that it is compressed.
bool IsCompressed(absl::string_view path);

// Bytes [begin, end) of the text in a file, decompressed when its suffix says so; all of it from
// `begin` on when `end` is 0. Errors: those of FileSource, MakeGzipSource and MakeZstdSource;
// INVALID_ARGUMENT when a part of a compressed file is asked for.
absl::StatusOr<std::unique_ptr<ByteSource>> OpenSource(const std::string& path, uint64_t begin = 0,
                                                       uint64_t end = 0);

}  // namespace paramd
