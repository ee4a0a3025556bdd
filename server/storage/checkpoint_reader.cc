#include "server/storage/checkpoint_reader.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "server/storage/checkpoint_folder.h"
#include "server/storage/record_file_reader.h"

namespace paramd {

absl::StatusOr<CheckpointReader> CheckpointReader::Open(const std::string& folder,
                                                        uint64_t number) {
  ASSIGN_OR_RETURN(StoredManifest stored, ReadManifest(folder, number));
  return CheckpointReader(CheckpointPath(folder, number), std::move(stored.manifest));
}

absl::Status CheckpointReader::Read(const std::string& name, const RecordVisitor& visitor) const {
  const auto file = std::find_if(manifest_.files.begin(), manifest_.files.end(),
                                 [&](const CheckpointFile& file) { return file.name == name; });
  const std::string path = JoinPath(path_, name);
  if (file == manifest_.files.end()) {
    return absl::NotFoundError(absl::StrCat(path, " is no file of checkpoint ", manifest_.number));
  }
  RETURN_IF_ERROR(CheckFileContent(path, file->digest));
  ASSIGN_OR_RETURN(const std::unique_ptr<RecordFileReader> reader, RecordFileReader::Open(path));
  std::string payload;
  while (true) {
    ASSIGN_OR_RETURN(const RecordFileReader::Found found, reader->Next(&payload));
    if (found == RecordFileReader::Found::kEnd) return absl::OkStatus();
    if (found == RecordFileReader::Found::kTorn) {
      return absl::DataLossError(absl::StrCat(path, " is cut behind byte ", reader->offset(),
                                              ", and was so when written"));
    }
    RETURN_IF_ERROR(visitor(payload));
  }
}

}  // namespace paramd
