#include "worker/data/line_record_reader.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "worker/data/file_source.h"
#include "worker/data/make_line_parser.h"
#include "worker/data/open_source.h"

namespace paramd {
namespace {

absl::Status CheckPartition(const v1::Partition& partition) {
  const auto error = [&](absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat(partition.file(), ": bytes ", partition.begin(),
                                                   " to ", partition.end(), ": ", what));
  };
  if (partition.end() != 0 && partition.end() < partition.begin()) return error("ends too early");
  if (partition.begin() == 0 || IsCompressed(partition.file())) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::string before,
                   ReadFileRange(partition.file(), partition.begin() - 1, 1));
  return before == "\n" ? absl::OkStatus() : error("does not begin at a line");
}

absl::StatusOr<uint64_t> CountLines(const std::string& file, uint64_t end) {
  ASSIGN_OR_RETURN(std::unique_ptr<FileSource> source, FileSource::Open(file, 0, end));
  std::vector<char> block(size_t{256} << 10);
  uint64_t lines = 0;
  while (true) {
    ASSIGN_OR_RETURN(const size_t got, source->Read(absl::MakeSpan(block)));
    if (got == 0) return lines;
    lines += std::count(block.begin(), block.begin() + got, '\n');
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<RecordReader>> LineRecordReader::Open(
    const v1::Data& data, const DatasetShape& shape, const v1::Partition& partition) {
  RETURN_IF_ERROR(CheckPartition(partition));
  ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> source,
                   OpenSource(partition.file(), partition.begin(), partition.end()));
  ASSIGN_OR_RETURN(std::unique_ptr<LineParser> parser,
                   MakeLineParser(data, shape, partition.file()));
  return absl::WrapUnique(
      new LineRecordReader(data, partition, std::move(source), std::move(parser)));
}

LineRecordReader::LineRecordReader(const v1::Data& data, const v1::Partition& partition,
                                   std::unique_ptr<ByteSource> source,
                                   std::unique_ptr<LineParser> parser)
    : file_(partition.file()),
      begin_(partition.begin()),
      end_(partition.end()),
      has_header_(partition.begin() == 0 && data.format() == v1::Data::CSV && data.csv().header()),
      fail_on_bad_record_(data.on_bad_record().action() == v1::OnBadRecord::FAIL),
      parser_(std::move(parser)),
      lines_(std::move(source)) {
  if (begin_ == 0) lines_before_ = 0;
}

absl::StatusOr<bool> LineRecordReader::Next() {
  while (true) {
    offset_ = begin_ + lines_.consumed();
    ASSIGN_OR_RETURN(const bool more, lines_.Next());
    if (!more) return false;
    if (has_header_ && lines_.number() == 1) continue;
    if (lines_.too_long() || parser_->IsRecord(lines_.line())) return true;
  }
}

absl::Status LineRecordReader::Parse(BatchBuilder* builder, ReadStats* stats) {
  const absl::Status parsed = lines_.too_long()
                                  ? absl::InvalidArgumentError("the line is longer than 16 MiB")
                                  : parser_->Parse(lines_.line(), builder);
  if (parsed.ok()) {
    ++stats->records;
    return absl::OkStatus();
  }
  ++stats->bad_records;
  if (stats->bad_record_examples.size() >= ReadStats::kMaxExamples && !fail_on_bad_record_) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const uint64_t line, LineNumber());
  const std::string message = absl::StrCat(file_, ":", line, ": ", parsed.message());
  if (fail_on_bad_record_) return absl::InvalidArgumentError(message);
  stats->bad_record_examples.push_back(message);
  return absl::OkStatus();
}

uint64_t LineRecordReader::BytesLeft() const {
  return end_ == 0 ? std::numeric_limits<uint64_t>::max() : end_ - begin_ - lines_.consumed();
}

absl::StatusOr<uint64_t> LineRecordReader::LineNumber() {
  if (!lines_before_) {
    ASSIGN_OR_RETURN(lines_before_, CountLines(file_, begin_));
  }
  return *lines_before_ + lines_.number();
}

}  // namespace paramd
