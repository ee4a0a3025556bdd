#include "server/storage/log_folder.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "common/base/failpoint.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "server/storage/record_format.h"

namespace paramd {
namespace {

constexpr absl::string_view kLogSuffix = ".log", kBaseSuffix = ".base";
constexpr size_t kDigits = 12;

std::string SegmentPath(const std::string& folder, uint64_t number, absl::string_view suffix) {
  return JoinPath(folder, absl::StrFormat("%012u%s", number, suffix));
}

// None: not the name of a segment.
std::optional<LogSegment> ParseName(const std::string& folder, absl::string_view name) {
  LogSegment segment{.path = JoinPath(folder, std::string(name))};
  segment.base = absl::ConsumeSuffix(&name, kBaseSuffix);
  if (!segment.base && !absl::ConsumeSuffix(&name, kLogSuffix)) return std::nullopt;
  const bool digits =
      std::all_of(name.begin(), name.end(), [](char c) { return '0' <= c && c <= '9'; });
  if (name.size() != kDigits || !digits || !absl::SimpleAtoi(name, &segment.number)) {
    return std::nullopt;
  }
  return segment;
}

absl::Status Rename(const std::string& from, const std::string& to) {
  return rename(from.c_str(), to.c_str()) == 0 ? absl::OkStatus()
                                               : FileError(errno, "rename to", to);
}

}  // namespace

absl::StatusOr<std::vector<LogSegment>> ListSegments(const std::string& folder) {
  std::error_code error;
  std::vector<LogSegment> segments;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    std::optional<LogSegment> segment = ParseName(folder, at->path().filename().string());
    if (segment.has_value()) segments.push_back(*std::move(segment));
  }
  if (error) return FileError(error.value(), "list folder", folder);
  std::sort(segments.begin(), segments.end(), [](const LogSegment& a, const LogSegment& b) {
    return std::pair(a.number, a.base) < std::pair(b.number, b.base);
  });
  return segments;
}

absl::StatusOr<std::unique_ptr<OutputFile>> CreateSegment(const std::string& folder, LogLink link) {
  RETURN_IF_FAILPOINT("log.segment");
  ASSIGN_OR_RETURN(std::unique_ptr<OutputFile> file,
                   OutputFile::Create(SegmentPath(folder, link.number, kLogSuffix),
                                      OutputFile::Existing::kReplace));
  const std::string file_header = MakeRecordFileHeader();
  const absl::string_view payload(reinterpret_cast<const char*>(&link), sizeof(link));
  const RecordHeader header = MakeRecordHeader({payload}, payload.size(), RecordCoding::kPlain);
  RETURN_IF_ERROR(file->Write(
      {file_header, {reinterpret_cast<const char*>(&header), sizeof(header)}, payload}));
  RETURN_IF_ERROR(file->Sync());
  RETURN_IF_ERROR(SyncDirectory(folder));
  return file;
}

absl::Status MakeBase(const std::string& folder, uint64_t number) {
  const std::string base = SegmentPath(folder, number, kBaseSuffix);
  if (!FileSize(base).ok()) {
    RETURN_IF_ERROR(Rename(SegmentPath(folder, number, kLogSuffix), base));
  }
  return SyncDirectory(folder);
}

absl::Status RemoveSegmentsBefore(const std::string& folder, uint64_t number) {
  ASSIGN_OR_RETURN(const std::vector<LogSegment> segments, ListSegments(folder));
  for (const LogSegment& segment : segments) {
    if (segment.number < number && unlink(segment.path.c_str()) != 0) {
      return FileError(errno, "remove", segment.path);
    }
  }
  return SyncDirectory(folder);
}

}  // namespace paramd
