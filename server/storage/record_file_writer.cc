#include "server/storage/record_file_writer.h"

#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "server/storage/record_format.h"

namespace paramd {
namespace {

constexpr size_t kGatherBytes = size_t{1} << 20;

}  // namespace

absl::StatusOr<std::unique_ptr<RecordFileWriter>> RecordFileWriter::Create(const std::string& path,
                                                                           int zstd_level) {
  ASSIGN_OR_RETURN(std::unique_ptr<OutputFile> file,
                   OutputFile::Create(path, OutputFile::Existing::kRefuse));
  return absl::WrapUnique(new RecordFileWriter(std::move(file), zstd_level));
}

RecordFileWriter::RecordFileWriter(std::unique_ptr<OutputFile> file, int zstd_level)
    : file_(std::move(file)), gathered_(MakeRecordFileHeader()) {
  if (zstd_level > 0) compressor_.emplace(zstd_level);
}

absl::Status RecordFileWriter::Append(absl::Span<const absl::string_view> pieces) {
  if (status_.ok()) status_ = AppendRecord(pieces);
  return status_;
}

absl::Status RecordFileWriter::AppendRecord(absl::Span<const absl::string_view> pieces) {
  const uint64_t bytes = TotalBytes(pieces);
  if (bytes > kMaxRecordBytes) {
    return absl::InvalidArgumentError(absl::StrCat(file_->path(), ": a record of ", bytes,
                                                   " bytes; at most ", kMaxRecordBytes, " go"));
  }
  const absl::string_view frame =
      compressor_.has_value() ? compressor_->Compress(pieces) : absl::string_view();
  const bool plain = frame.empty();
  const absl::Span<const absl::string_view> body = plain ? pieces : absl::MakeConstSpan(&frame, 1);
  const RecordHeader header =
      MakeRecordHeader(body, bytes, plain ? RecordCoding::kPlain : RecordCoding::kZstd);
  RETURN_IF_ERROR(Gather({reinterpret_cast<const char*>(&header), sizeof(header)}));
  for (const absl::string_view piece : body) RETURN_IF_ERROR(Gather(piece));
  return absl::OkStatus();
}

absl::Status RecordFileWriter::Gather(absl::string_view bytes) {
  if (gathered_.size() + bytes.size() > kGatherBytes) RETURN_IF_ERROR(Flush());
  if (bytes.size() >= kGatherBytes) return Write(bytes);
  gathered_.append(bytes.data(), bytes.size());
  return absl::OkStatus();
}

absl::Status RecordFileWriter::Flush() {
  RETURN_IF_ERROR(Write(gathered_));
  gathered_.clear();
  return absl::OkStatus();
}

absl::Status RecordFileWriter::Write(absl::string_view bytes) {
  sha_.Update(bytes);
  return file_->Write({bytes});
}

absl::StatusOr<FileDigest> RecordFileWriter::Finish() {
  if (status_.ok()) status_ = SyncAll();
  RETURN_IF_ERROR(status_);
  return FileDigest{.bytes = file_->bytes(), .sha256 = sha_.Hex()};
}

absl::Status RecordFileWriter::SyncAll() {
  RETURN_IF_ERROR(Flush());
  RETURN_IF_ERROR(file_->Sync());
  return SyncDirectory(DirectoryOf(file_->path()));
}

}  // namespace paramd
