#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/storage/manifest.h"
#include "server/storage/record_file_writer.h"

namespace paramd {

// A checkpoint is written by several processes into one folder that all of them see (FORMAT.md):
//
//   leader:  BeginCheckpoint(folder, number)           tells the writers
//   writers: CreateCheckpointFile(...), Append, Finish  tell the leader name and digest
//   leader:  CommitCheckpoint(folder, {...})           now there is a checkpoint
//
// One checkpoint at a time is begun in a folder. Whatever fails or is interrupted before the end of
// CommitCheckpoint leaves the others as they were, and no checkpoint of this number; the leader
// then abandons it. Errors as of common/base/file.h, with the file's name.

// Makes the folder of a checkpoint of which nothing is there, else ALREADY_EXISTS; NOT_FOUND
// without `folder`.
absl::Status BeginCheckpoint(const std::string& folder, uint64_t number);

// A file of it. INVALID_ARGUMENT for a name that is none (CheckFileName), ALREADY_EXISTS, NOT_FOUND
// when it was abandoned or not begun. Level as of RecordFileWriter.
absl::StatusOr<std::unique_ptr<RecordFileWriter>> CreateCheckpointFile(const std::string& folder,
                                                                       uint64_t number,
                                                                       const std::string& name,
                                                                       int zstd_level);

struct CheckpointContents {
  uint64_t number = 0;
  std::optional<uint64_t> parent;     // it adds to; none: it is a full one
  std::vector<CheckpointFile> files;  // in any order
  std::string payload;
};

// Writes the manifest, on the disk when it returns. Before that FAILED_PRECONDITION when a file is
// not there as the contents say; errors of the parent's manifest; ALREADY_EXISTS.
absl::Status CommitCheckpoint(const std::string& folder, CheckpointContents contents);

// Removes what there is of it.
absl::Status AbandonCheckpoint(const std::string& folder, uint64_t number);

}  // namespace paramd
