#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/storage/record_file_writer.h"

namespace paramd {

struct CheckpointFile {
  std::string name;
  FileDigest digest;
};

// What an incremental checkpoint was added to.
struct CheckpointParent {
  uint64_t number = 0;
  std::string sha256;  // that its manifest ends with
};

// What a checkpoint is made of (FORMAT.md).
struct Manifest {
  uint64_t number = 0;                     // from 1 on
  std::optional<CheckpointParent> parent;  // smaller number; none: it is a full one
  std::vector<CheckpointFile> files;       // in ascending order of names
  std::string payload;                     // the state that belongs to it, whatever that means
};

// Letters, digits, `.`, `-` and `_`, at most 200, without a `.` in front; not MANIFEST.
// INVALID_ARGUMENT for any other name of a file.
absl::Status CheckFileName(absl::string_view name);

std::string SerializeManifest(const Manifest& manifest);

// The only text that SerializeManifest makes of what is returned; DATA_LOSS, naming `path`, for any
// other.
absl::StatusOr<Manifest> ParseManifest(absl::string_view text, absl::string_view path);

// That the text of a manifest, which has been parsed, ends with.
std::string ManifestSha256(absl::string_view text);

}  // namespace paramd
