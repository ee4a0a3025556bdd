#include "server/storage/log_recovery.h"

#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "common/base/status_macros.h"
#include "server/storage/log_folder.h"
#include "server/storage/record_file_reader.h"

namespace paramd {
namespace {

constexpr uint64_t kToTheEnd = std::numeric_limits<uint64_t>::max();

// The segments that count, without a gap.
absl::StatusOr<absl::Span<const LogSegment>> Chain(const std::vector<LogSegment>& segments,
                                                   const std::string& folder) {
  absl::Span<const LogSegment> chain;
  for (size_t i = 0; i < segments.size(); ++i) {
    if (segments[i].base || segments[i].number == 1) chain = absl::MakeSpan(segments).subspan(i);
  }
  if (chain.empty() && !segments.empty()) {
    return absl::DataLossError(
        absl::StrCat("the log in ", folder, " has no beginning: neither segment 1 nor a .base"));
  }
  for (size_t i = 0; i < chain.size(); ++i) {
    if (chain[i].number == chain[0].number + i) continue;
    return absl::DataLossError(absl::StrCat("the log in ", folder, " goes on with ", chain[i].path,
                                            " but segment ", chain[0].number + i, " is missing"));
  }
  return chain;
}

// Reads the first record of a segment. None: it was cut before its end.
absl::StatusOr<std::optional<LogLink>> ReadLink(RecordFileReader& reader,
                                                const LogSegment& segment) {
  std::string payload;
  ASSIGN_OR_RETURN(const RecordFileReader::Found found, reader.Next(&payload));
  if (found != RecordFileReader::Found::kRecord) return std::nullopt;
  LogLink link;
  if (payload.size() == sizeof(link)) std::memcpy(&link, payload.data(), sizeof(link));
  if (link.number == segment.number) return link;
  return absl::DataLossError(absl::StrCat(segment.path, " is not segment ", segment.number));
}

absl::StatusOr<std::optional<LogLink>> LinkOf(const LogSegment& segment) {
  ASSIGN_OR_RETURN(const std::unique_ptr<RecordFileReader> reader,
                   RecordFileReader::Open(segment.path));
  return ReadLink(*reader, segment);
}

absl::Status CutAtBeginning(const LogSegment& segment) {
  return absl::DataLossError(absl::StrCat(segment.path, " is cut before its first record"));
}

// `bytes` are good, says the next segment; kToTheEnd: there is none.
absl::StatusOr<RecoveredSegment> ReadSegment(const LogSegment& segment, uint64_t bytes,
                                             const RecordVisitor& visitor) {
  ASSIGN_OR_RETURN(const std::unique_ptr<RecordFileReader> reader,
                   RecordFileReader::Open(segment.path, bytes));
  ASSIGN_OR_RETURN(const std::optional<LogLink> link, ReadLink(*reader, segment));
  if (!link.has_value()) return CutAtBeginning(segment);
  std::string payload;
  while (true) {
    ASSIGN_OR_RETURN(const RecordFileReader::Found found, reader->Next(&payload));
    if (found != RecordFileReader::Found::kRecord) break;
    RETURN_IF_ERROR(visitor(payload));
  }
  if (bytes != kToTheEnd && reader->offset() != bytes) {
    return absl::DataLossError(absl::StrCat(segment.path, " ends at byte ", reader->offset(),
                                            "; it had ", bytes, " when the next one began"));
  }
  return RecoveredSegment{
      .number = segment.number, .bytes = reader->offset(), .path = segment.path};
}

}  // namespace

absl::StatusOr<std::vector<RecoveredSegment>> RecoverLog(const std::string& folder,
                                                         const RecordVisitor& visitor) {
  ASSIGN_OR_RETURN(const std::vector<LogSegment> segments, ListSegments(folder));
  ASSIGN_OR_RETURN(const absl::Span<const LogSegment> chain, Chain(segments, folder));
  std::vector<RecoveredSegment> recovered;
  if (chain.size() == 1 && !chain[0].base) {
    // One that was cut while its first segment was begun is no log yet.
    ASSIGN_OR_RETURN(const std::optional<LogLink> link, LinkOf(chain[0]));
    if (!link.has_value()) return recovered;
  }
  for (size_t i = 0; i < chain.size(); ++i) {
    const bool is_last = i + 1 == chain.size();
    std::optional<LogLink> link;  // of the one after it
    if (!is_last) {
      ASSIGN_OR_RETURN(link, LinkOf(chain[i + 1]));
      if (!link.has_value() && i + 2 < chain.size()) return CutAtBeginning(chain[i + 1]);
    }
    const uint64_t bytes = link.has_value() ? link->previous_bytes : kToTheEnd;
    ASSIGN_OR_RETURN(RecoveredSegment segment, ReadSegment(chain[i], bytes, visitor));
    recovered.push_back(std::move(segment));
    // A last segment that was cut while it was begun has nothing yet.
    if (!link.has_value()) break;
  }
  return recovered;
}

}  // namespace paramd
