#include "server/storage/checkpoint_writer.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/atomic_file_writer.h"
#include "common/base/failpoint.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "server/storage/checkpoint_folder.h"

namespace paramd {
namespace {

absl::Status MakeFolder(const std::string& path) {
  if (mkdir(path.c_str(), 0755) == 0) return absl::OkStatus();
  if (errno == EEXIST) return absl::AlreadyExistsError(absl::StrCat(path, " exists already"));
  return FileError(errno, "create folder", path);
}

// Names that are none, or that two files have, and files that are not there.
absl::Status CheckFiles(const std::string& path, const std::vector<CheckpointFile>& files) {
  for (size_t i = 0; i < files.size(); ++i) {
    RETURN_IF_ERROR(CheckFileName(files[i].name));
    if (i > 0 && files[i].name == files[i - 1].name) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": two files ", files[i].name));
    }
    const absl::Status status = CheckFileSize(JoinPath(path, files[i].name), files[i].digest);
    if (!status.ok()) {
      return absl::FailedPreconditionError(
          absl::StrCat(status.message(), " (servers and coordinator must see the same folder)"));
    }
  }
  return absl::OkStatus();
}

absl::Status WriteManifest(const std::string& path, const Manifest& manifest) {
  ASSIGN_OR_RETURN(const std::unique_ptr<AtomicFileWriter> writer, AtomicFileWriter::Create(path));
  RETURN_IF_ERROR(writer->Append(SerializeManifest(manifest)));
  return writer->Commit();
}

}  // namespace

absl::Status BeginCheckpoint(const std::string& folder, uint64_t number) {
  RETURN_IF_ERROR(MakeFolder(CheckpointPath(folder, number)));
  return SyncDirectory(folder);
}

absl::StatusOr<std::unique_ptr<RecordFileWriter>> CreateCheckpointFile(const std::string& folder,
                                                                       uint64_t number,
                                                                       const std::string& name,
                                                                       int zstd_level) {
  RETURN_IF_ERROR(CheckFileName(name));
  return RecordFileWriter::Create(JoinPath(CheckpointPath(folder, number), name), zstd_level);
}

absl::Status CommitCheckpoint(const std::string& folder, CheckpointContents contents) {
  const std::string path = CheckpointPath(folder, contents.number);
  const std::string manifest_path = ManifestPath(folder, contents.number);
  if (FileSize(manifest_path).ok()) {
    return absl::AlreadyExistsError(absl::StrCat(manifest_path, " exists already"));
  }
  std::sort(contents.files.begin(), contents.files.end(),
            [](const CheckpointFile& a, const CheckpointFile& b) { return a.name < b.name; });
  RETURN_IF_ERROR(CheckFiles(path, contents.files));
  Manifest manifest{.number = contents.number,
                    .files = std::move(contents.files),
                    .payload = std::move(contents.payload)};
  if (contents.parent.has_value()) {
    ASSIGN_OR_RETURN(StoredManifest parent, ReadManifest(folder, *contents.parent));
    manifest.parent = {.number = *contents.parent, .sha256 = std::move(parent.sha256)};
  }
  RETURN_IF_ERROR(SyncDirectory(path));
  RETURN_IF_FAILPOINT("checkpoint.rename");
  RETURN_IF_ERROR(WriteManifest(manifest_path, manifest));
  PARAMD_FAILPOINT("checkpoint.renamed");
  return absl::OkStatus();
}

absl::Status AbandonCheckpoint(const std::string& folder, uint64_t number) {
  return RemoveCheckpoint(folder, number);
}

}  // namespace paramd
