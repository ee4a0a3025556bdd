#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/storage/output_file.h"
#include "server/storage/record_compressor.h"
#include "server/storage/sha256.h"

namespace paramd {

// What a file is known by.
struct FileDigest {
  uint64_t bytes = 0;
  std::string sha256;  // 64 hexadecimal digits, in lower case
};

// Writes a new record file (FORMAT.md).
//
//   ASSIGN_OR_RETURN(auto writer, RecordFileWriter::Create(path, /*zstd_level=*/1));
//   RETURN_IF_ERROR(writer->Append({header, rows}));
//   ASSIGN_OR_RETURN(const FileDigest digest, writer->Finish());
//
// Errors as of common/base/file.h, with the file's name; after one every further call returns it.
// Destroyed without Finish it leaves an unfinished file. Not thread-safe.
class RecordFileWriter {
 public:
  // ALREADY_EXISTS when there is such a file. zstd_level: 0: not compressed, or 1 to 19.
  static absl::StatusOr<std::unique_ptr<RecordFileWriter>> Create(const std::string& path,
                                                                  int zstd_level);

  // A record of the pieces, one after the other. INVALID_ARGUMENT above kMaxRecordBytes.
  absl::Status Append(absl::Span<const absl::string_view> pieces);

  // Returns when the file and its name are on the disk. The last call.
  absl::StatusOr<FileDigest> Finish();

 private:
  RecordFileWriter(std::unique_ptr<OutputFile> file, int zstd_level);

  absl::Status AppendRecord(absl::Span<const absl::string_view> pieces);
  // Pieces below 1 MiB are gathered before they are written.
  absl::Status Gather(absl::string_view bytes);
  absl::Status Flush();
  absl::Status Write(absl::string_view bytes);
  absl::Status SyncAll();

  const std::unique_ptr<OutputFile> file_;
  std::optional<RecordCompressor> compressor_;
  Sha256 sha_;
  std::string gathered_;
  absl::Status status_;
};

}  // namespace paramd
