#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/file_error.h"

namespace paramd {

// Errors of this header are those of FileError: they name the file and what the system said.

// The whole content of a file.
absl::StatusOr<std::string> ReadFile(const std::string& path);

// Bytes [offset, offset + size) of a file; shorter at its end.
absl::StatusOr<std::string> ReadFileRange(const std::string& path, uint64_t offset, uint64_t size);

// Writes `content` durably over the beginning of a file, which is made if there is none; what is
// behind it stays. After a crash on the way, or an error, the file holds any mixture of old and new
// (AtomicFileWriter replaces a file as a whole, for several times the cost).
absl::Status WriteInPlace(const std::string& path, absl::string_view content);

// Makes the names in a folder (after a rename, say) as durable as the files they name.
absl::Status SyncDirectory(const std::string& directory);

absl::StatusOr<uint64_t> FileSize(const std::string& path);

// What tells a file from what it was before, as long as nobody sets its time back.
struct FileVersion {
  uint64_t size = 0;        // bytes
  int64_t modified_ns = 0;  // since 1970
};
absl::StatusOr<FileVersion> ReadFileVersion(const std::string& path);

// Makes a folder and those above it.
absl::Status MakeDirectories(const std::string& path);

// Folder that holds `path` ("." when it names none).
std::string DirectoryOf(const std::string& path);

// `path` itself when absolute, otherwise below `directory`.
std::string JoinPath(const std::string& directory, const std::string& path);

}  // namespace paramd
