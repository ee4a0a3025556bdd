#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/storage/manifest.h"
#include "server/storage/record_file_writer.h"

namespace paramd {

// Where checkpoints lie in a folder (FORMAT.md). Errors as of common/base/file.h.

// Folder of checkpoint `number`.
std::string CheckpointPath(const std::string& folder, uint64_t number);

std::string ManifestPath(const std::string& folder, uint64_t number);

// Of all that were begun, in ascending order. Other entries are passed over.
absl::StatusOr<std::vector<uint64_t>> ListCheckpointNumbers(const std::string& folder);

struct StoredManifest {
  Manifest manifest;
  std::string sha256;  // that it ends with
};

// NOT_FOUND: the checkpoint was not finished, or there is none. DATA_LOSS: the file is damaged or
// another checkpoint's.
absl::StatusOr<StoredManifest> ReadManifest(const std::string& folder, uint64_t number);

// Compares a file's size, and its content, with what the manifest says. NOT_FOUND, DATA_LOSS.
absl::Status CheckFileSize(const std::string& path, const FileDigest& digest);
absl::Status CheckFileContent(const std::string& path, const FileDigest& digest);

// Removes a checkpoint, finished or not: the manifest first, so that after an interruption it is an
// unfinished one. What is not there is none.
absl::Status RemoveCheckpoint(const std::string& folder, uint64_t number);

}  // namespace paramd
