#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/storage/manifest.h"
#include "server/storage/record_visitor.h"

namespace paramd {

// Reads one checkpoint. Thread-safe.
class CheckpointReader {
 public:
  // Errors of ReadManifest (checkpoint_folder.h).
  static absl::StatusOr<CheckpointReader> Open(const std::string& folder, uint64_t number);

  const Manifest& manifest() const { return manifest_; }

  // Gives the records of a file, in order, to `visitor`, whose error ends it. Before the first one
  // the whole file is compared with its SHA-256: nothing of another file is ever given. NOT_FOUND
  // for a file that is not of this checkpoint or not there, DATA_LOSS for a damaged one.
  absl::Status Read(const std::string& name, const RecordVisitor& visitor) const;

 private:
  CheckpointReader(std::string path, Manifest manifest)
      : path_(std::move(path)), manifest_(std::move(manifest)) {}

  std::string path_;
  Manifest manifest_;
};

}  // namespace paramd
