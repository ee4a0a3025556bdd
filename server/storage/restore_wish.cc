#include "server/storage/restore_wish.h"

#include <unistd.h>

#include <cerrno>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/atomic_file_writer.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"

namespace paramd {
namespace {

std::string PathOf(const std::string& folder) { return JoinPath(folder, "RESTORE"); }

}  // namespace

absl::StatusOr<std::optional<uint64_t>> ReadRestoreWish(const std::string& folder) {
  const absl::StatusOr<std::string> text = ReadFile(PathOf(folder));
  if (absl::IsNotFound(text.status())) return std::nullopt;
  if (!text.ok()) return text.status();
  uint64_t number = 0;
  if (absl::SimpleAtoi(absl::StripAsciiWhitespace(*text), &number) && number > 0) return number;
  return absl::DataLossError(
      absl::StrCat(PathOf(folder), ": holds no number of a checkpoint; remove it"));
}

absl::Status WriteRestoreWish(const std::string& folder, uint64_t number) {
  ASSIGN_OR_RETURN(const std::unique_ptr<AtomicFileWriter> writer,
                   AtomicFileWriter::Create(PathOf(folder)));
  RETURN_IF_ERROR(writer->Append(absl::StrCat(number, "\n")));
  return writer->Commit();
}

absl::Status RemoveRestoreWish(const std::string& folder) {
  if (unlink(PathOf(folder).c_str()) == 0) return SyncDirectory(folder);
  return errno == ENOENT ? absl::OkStatus() : FileError(errno, "remove", PathOf(folder));
}

}  // namespace paramd
