#include "worker/data/batch_reader.h"

#include <algorithm>
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

// Keeps the 32-bit offsets of a batch, and its memory, within bounds.
constexpr size_t kMaxBatchValues = size_t{1} << 28;

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

absl::StatusOr<std::unique_ptr<BatchReader>> BatchReader::Open(const v1::Data& data,
                                                               const DatasetShape& shape,
                                                               const v1::Partition& partition) {
  RETURN_IF_ERROR(CheckPartition(partition));
  ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> source,
                   OpenSource(partition.file(), partition.begin(), partition.end()));
  ASSIGN_OR_RETURN(std::unique_ptr<LineParser> parser,
                   MakeLineParser(data, shape, partition.file()));
  return absl::WrapUnique(
      new BatchReader(data, shape, partition, std::move(source), std::move(parser)));
}

BatchReader::BatchReader(const v1::Data& data, const DatasetShape& shape,
                         const v1::Partition& partition, std::unique_ptr<ByteSource> source,
                         std::unique_ptr<LineParser> parser)
    : shape_(shape),
      file_(partition.file()),
      begin_(partition.begin()),
      has_header_(partition.begin() == 0 && data.format() == v1::Data::CSV && data.csv().header()),
      fail_on_bad_record_(data.on_bad_record().action() == v1::OnBadRecord::FAIL),
      parser_(std::move(parser)),
      lines_(std::move(source)) {
  if (begin_ == 0) lines_before_ = 0;
}

absl::StatusOr<bool> BatchReader::Next(int max_rows, Batch* batch) {
  builder_.Begin(shape_, batch);
  while (builder_.rows() < static_cast<size_t>(max_rows) && builder_.size() < kMaxBatchValues) {
    ASSIGN_OR_RETURN(const bool more, lines_.Next());
    if (!more) break;
    if (has_header_ && lines_.number() == 1) continue;
    RETURN_IF_ERROR(ParseLine());
  }
  builder_.Finish();
  return batch->rows() > 0;
}

absl::Status BatchReader::ParseLine() {
  if (lines_.too_long()) return CountBadRecord("the line is longer than 16 MiB");
  const absl::StatusOr<bool> parsed = parser_->Parse(lines_.line(), &builder_);
  if (!parsed.ok()) return CountBadRecord(parsed.status().message());
  if (*parsed) ++stats_.records;
  return absl::OkStatus();
}

absl::Status BatchReader::CountBadRecord(absl::string_view what) {
  builder_.AbandonRow();
  ++stats_.bad_records;
  if (stats_.bad_record_examples.size() >= ReadStats::kMaxExamples) return absl::OkStatus();
  ASSIGN_OR_RETURN(const uint64_t line, LineNumber());
  stats_.bad_record_examples.push_back(absl::StrCat(file_, ":", line, ": ", what));
  if (!fail_on_bad_record_) return absl::OkStatus();
  return absl::InvalidArgumentError(stats_.bad_record_examples.back());
}

absl::StatusOr<uint64_t> BatchReader::LineNumber() {
  if (!lines_before_) {
    ASSIGN_OR_RETURN(lines_before_, CountLines(file_, begin_));
  }
  return *lines_before_ + lines_.number();
}

}  // namespace paramd
