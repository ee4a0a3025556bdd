#include "server/storage/record_file_reader.h"

#include <algorithm>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "common/base/crc32c.h"
#include "common/base/status_macros.h"
#include "server/storage/record_compressor.h"

namespace paramd {
namespace {

// The least that a disk writes at once: where zeros of what was not written may begin.
constexpr uint64_t kSectorBytes = 512;

}  // namespace

absl::StatusOr<std::unique_ptr<RecordFileReader>> RecordFileReader::Open(const std::string& path,
                                                                         uint64_t limit) {
  ASSIGN_OR_RETURN(std::unique_ptr<InputFile> file, InputFile::Open(path));
  const uint64_t size = std::min(file->size(), limit);
  return absl::WrapUnique(new RecordFileReader(std::move(file), size));
}

absl::StatusOr<RecordFileReader::Found> RecordFileReader::Next(std::string* payload) {
  if (offset_ == 0) {
    ASSIGN_OR_RETURN(const Found found, CheckFileHeader());
    if (found != Found::kRecord) return found;
    offset_ = sizeof(RecordFileHeader);
  }
  if (offset_ == size_) return Found::kEnd;
  return ReadRecord(payload);
}

absl::StatusOr<RecordFileReader::Found> RecordFileReader::CheckFileHeader() {
  if (size_ < sizeof(RecordFileHeader)) return Found::kTorn;
  RecordFileHeader header;
  RETURN_IF_ERROR(ReadHeader(0, &header));
  if (absl::string_view(header.magic, sizeof(header.magic)) != kRecordFileMagic) {
    return TornOrDamaged(sizeof(header), "it does not begin as a record file");
  }
  if (header.crc != HeaderCrc(header)) return Damaged("the checksum of the file's header is wrong");
  if (header.version != kRecordFileVersion) {
    return Damaged(absl::StrCat("version ", header.version, "; this program reads version ",
                                kRecordFileVersion));
  }
  return Found::kRecord;
}

absl::StatusOr<RecordFileReader::Found> RecordFileReader::ReadRecord(std::string* payload) {
  if (size_ - offset_ < sizeof(RecordHeader)) return Found::kTorn;
  RecordHeader header;
  RETURN_IF_ERROR(ReadHeader(offset_, &header));
  if (header.header_crc != HeaderCrc(header)) {
    return TornOrDamaged(offset_ + sizeof(header), "the checksum of a record's header is wrong");
  }
  const bool plain = header.coding == RecordCoding::kPlain;
  if ((!plain && header.coding != RecordCoding::kZstd) || header.payload_bytes > kMaxRecordBytes ||
      (plain ? header.body_bytes != header.payload_bytes
             : header.body_bytes >= header.payload_bytes)) {
    return Damaged("a record's header says what no header says");
  }
  if (size_ - offset_ - sizeof(header) < header.body_bytes) return Found::kTorn;
  return ReadBody(header, payload);
}

absl::StatusOr<RecordFileReader::Found> RecordFileReader::ReadBody(const RecordHeader& header,
                                                                   std::string* payload) {
  const bool plain = header.coding == RecordCoding::kPlain;
  std::string* const body = plain ? payload : &frame_;
  body->resize(header.body_bytes);
  RETURN_IF_ERROR(file_->Read(offset_ + sizeof(header), absl::MakeSpan(*body)));
  const uint64_t end = offset_ + sizeof(header) + header.body_bytes;
  if (Crc32c(*body) != header.body_crc) {
    return TornOrDamaged(end, "the checksum of a record is wrong");
  }
  if (!plain) {
    const absl::Status status = Decompress(frame_, header.payload_bytes, payload);
    if (!status.ok()) return Damaged(status.message());
  }
  offset_ = end;
  return Found::kRecord;
}

absl::StatusOr<RecordFileReader::Found> RecordFileReader::TornOrDamaged(uint64_t end,
                                                                        absl::string_view what) {
  ASSIGN_OR_RETURN(const uint64_t zeros, BeginOfLastZeros());
  const uint64_t first_sector = (zeros + kSectorBytes - 1) / kSectorBytes * kSectorBytes;
  if (zeros <= offset_ || (first_sector < end && first_sector < size_)) return Found::kTorn;
  return Damaged(what);
}

absl::StatusOr<uint64_t> RecordFileReader::BeginOfLastZeros() {
  std::vector<char> block;
  for (uint64_t end = size_; end > 0; end -= block.size()) {
    block.resize(std::min<uint64_t>(end, 64 << 10));
    const uint64_t begin = end - block.size();
    RETURN_IF_ERROR(file_->Read(begin, absl::MakeSpan(block)));
    const auto last = std::find_if(block.rbegin(), block.rend(), [](char c) { return c != 0; });
    if (last != block.rend()) return begin + static_cast<uint64_t>(block.rend() - last);
  }
  return 0;
}

absl::Status RecordFileReader::Damaged(absl::string_view what) const {
  return absl::DataLossError(
      absl::StrCat(file_->path(), " is damaged at byte ", offset_, ": ", what));
}

}  // namespace paramd
