#include "server/storage/checkpoint_folder.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "server/storage/input_file.h"
#include "server/storage/sha256.h"

namespace paramd {
namespace {

constexpr size_t kDigits = 12;
constexpr uint64_t kPieceBytes = uint64_t{1} << 20;

std::optional<uint64_t> ParseNumber(absl::string_view name) {
  uint64_t number = 0;
  const bool digits = std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
  if (name.size() != kDigits || !digits || !absl::SimpleAtoi(name, &number)) return std::nullopt;
  return number;
}

absl::Status RemoveFile(const std::string& path) {
  if (unlink(path.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  return FileError(errno, "remove", path);
}

absl::StatusOr<std::string> Sha256OfFile(const std::string& path) {
  ASSIGN_OR_RETURN(const std::unique_ptr<InputFile> file, InputFile::Open(path));
  Sha256 sha;
  std::string piece;
  for (uint64_t offset = 0; offset < file->size(); offset += piece.size()) {
    piece.resize(std::min(kPieceBytes, file->size() - offset));
    RETURN_IF_ERROR(file->Read(offset, absl::MakeSpan(piece)));
    sha.Update(piece);
  }
  return sha.Hex();
}

}  // namespace

std::string CheckpointPath(const std::string& folder, uint64_t number) {
  return JoinPath(folder, absl::StrFormat("%012u", number));
}

std::string ManifestPath(const std::string& folder, uint64_t number) {
  return JoinPath(CheckpointPath(folder, number), "MANIFEST");
}

absl::StatusOr<std::vector<uint64_t>> ListCheckpointNumbers(const std::string& folder) {
  std::error_code error;
  std::vector<uint64_t> numbers;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    const std::optional<uint64_t> number = ParseNumber(at->path().filename().string());
    if (number.has_value()) numbers.push_back(*number);
  }
  if (error) return FileError(error.value(), "list folder", folder);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

absl::StatusOr<StoredManifest> ReadManifest(const std::string& folder, uint64_t number) {
  const std::string path = ManifestPath(folder, number);
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (absl::IsNotFound(text.status())) {
    return absl::NotFoundError(
        absl::StrCat("checkpoint ", number, " in ", folder, " was not finished: no ", path));
  }
  RETURN_IF_ERROR(text.status());
  ASSIGN_OR_RETURN(Manifest manifest, ParseManifest(*text, path));
  if (manifest.number != number) {
    return absl::DataLossError(absl::StrCat(path, " is of checkpoint ", manifest.number));
  }
  return StoredManifest{.manifest = std::move(manifest), .sha256 = ManifestSha256(*text)};
}

absl::Status CheckFileSize(const std::string& path, const FileDigest& digest) {
  ASSIGN_OR_RETURN(const uint64_t bytes, FileSize(path));
  if (bytes == digest.bytes) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(path, " has ", bytes, " bytes; its checkpoint was made with ", digest.bytes));
}

absl::Status CheckFileContent(const std::string& path, const FileDigest& digest) {
  RETURN_IF_ERROR(CheckFileSize(path, digest));
  ASSIGN_OR_RETURN(const std::string sha256, Sha256OfFile(path));
  if (sha256 == digest.sha256) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(path, " is damaged: its SHA-256 is not that of its checkpoint's manifest"));
}

absl::Status RemoveCheckpoint(const std::string& folder, uint64_t number) {
  const std::string path = CheckpointPath(folder, number);
  const absl::StatusOr<uint64_t> manifest = FileSize(ManifestPath(folder, number));
  if (!absl::IsNotFound(manifest.status())) {
    RETURN_IF_ERROR(RemoveFile(ManifestPath(folder, number)));
    RETURN_IF_ERROR(SyncDirectory(path));
  }
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) return FileError(error.value(), "remove folder", path);
  return SyncDirectory(folder);
}

}  // namespace paramd
