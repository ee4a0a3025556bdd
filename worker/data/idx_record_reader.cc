#include "worker/data/idx_record_reader.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "worker/data/label_reader.h"
#include "worker/data/open_source.h"

namespace paramd {
namespace {

absl::StatusOr<IdxHeader> TakeHeader(const std::string& path, ExactReader* reader) {
  ASSIGN_OR_RETURN(const absl::string_view content, reader->Peek(IdxHeader::kMaxBytes));
  ASSIGN_OR_RETURN(const IdxHeader header, ParseIdxHeader(content, path));
  reader->Take(header.bytes);
  return header;
}

absl::Status CheckLabels(const std::string& file, const IdxHeader& header,
                         const std::string& labels, const IdxHeader& of_labels) {
  if (of_labels.record_bytes != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat(labels, ": ", of_labels.record_bytes, " bytes for each label, not one"));
  }
  if (of_labels.records == header.records) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      labels, ": ", of_labels.records, " labels for the ", header.records, " records of ", file));
}

// The number of the record that begins at byte `offset`.
absl::StatusOr<uint64_t> RecordAt(const std::string& file, const IdxHeader& header,
                                  uint64_t offset) {
  const uint64_t bytes = offset - header.bytes;
  if (offset >= header.bytes && bytes % header.record_bytes == 0 &&
      bytes / header.record_bytes <= header.records) {
    return bytes / header.record_bytes;
  }
  return absl::InvalidArgumentError(absl::StrCat(file, ": no record begins at byte ", offset));
}

}  // namespace

absl::StatusOr<std::string> IdxLabelsOf(const v1::Data& data, const std::string& file) {
  for (int i = 0; i < std::min(data.train_size(), data.idx().train_labels_size()); ++i) {
    if (data.train(i) == file) return data.idx().train_labels(i);
  }
  for (int i = 0; i < std::min(data.eval_size(), data.idx().eval_labels_size()); ++i) {
    if (data.eval(i) == file) return data.idx().eval_labels(i);
  }
  return absl::InvalidArgumentError(absl::StrCat(file, ": there is no file with its labels"));
}

absl::StatusOr<IdxHeader> ReadIdxHeaders(const v1::Data& data, const std::string& file) {
  ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> source, OpenSource(file));
  ExactReader records(std::move(source));
  ASSIGN_OR_RETURN(const IdxHeader header, TakeHeader(file, &records));
  ASSIGN_OR_RETURN(const std::string labels_path, IdxLabelsOf(data, file));
  ASSIGN_OR_RETURN(source, OpenSource(labels_path));
  ExactReader labels(std::move(source));
  ASSIGN_OR_RETURN(const IdxHeader of_labels, TakeHeader(labels_path, &labels));
  RETURN_IF_ERROR(CheckLabels(file, header, labels_path, of_labels));
  return header;
}

absl::StatusOr<std::unique_ptr<RecordReader>> IdxRecordReader::Open(
    const v1::Data& data, const DatasetShape& shape, const v1::Partition& partition) {
  const std::string& file = partition.file();
  ASSIGN_OR_RETURN(const IdxHeader header, ReadIdxHeaders(data, file));
  if (static_cast<int64_t>(header.record_bytes) != shape.columns) {
    return absl::InvalidArgumentError(absl::StrCat(file, ": records of ", header.record_bytes,
                                                   " bytes, the data set has ", shape.columns));
  }
  if (IsCompressed(file) && (partition.begin() != 0 || partition.end() != 0)) {
    return absl::InvalidArgumentError(absl::StrCat(file, ": a compressed file is read whole"));
  }
  uint64_t begin = 0, end = header.records;
  if (partition.begin() != 0) {
    ASSIGN_OR_RETURN(begin, RecordAt(file, header, partition.begin()));
  }
  if (partition.end() != 0) {
    ASSIGN_OR_RETURN(end, RecordAt(file, header, partition.end()));
  }
  if (end < begin) return absl::InvalidArgumentError(absl::StrCat(file, ": ends too early"));
  const uint64_t from = IsCompressed(file) ? 0 : header.bytes + begin * header.record_bytes;
  ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> records, OpenSource(file, from));
  ASSIGN_OR_RETURN(const std::string labels_path, IdxLabelsOf(data, file));
  ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> labels, OpenSource(labels_path));
  auto reader =
      absl::WrapUnique(new IdxRecordReader(data, header, {file, ExactReader(std::move(records))},
                                           {labels_path, ExactReader(std::move(labels))}));
  RETURN_IF_ERROR(reader->Seek(begin, end));
  return reader;
}

IdxRecordReader::IdxRecordReader(const v1::Data& data, const IdxHeader& header, File records,
                                 File labels)
    : header_(header), records_(std::move(records)), labels_(std::move(labels)) {
  const LabelReader names(data.labels());
  // Every number is read.
  for (size_t i = 0; i < label_of_.size(); ++i) names.Read(absl::StrCat(i), &label_of_[i]);
}

absl::Status IdxRecordReader::Seek(uint64_t begin, uint64_t end) {
  next_ = begin;
  end_ = end;
  if (IsCompressed(records_.path)) {
    RETURN_IF_ERROR(TakeHeader(records_.path, &records_.reader).status());
  }
  ASSIGN_OR_RETURN(const IdxHeader header, TakeHeader(labels_.path, &labels_.reader));
  RETURN_IF_ERROR(CheckLabels(records_.path, header_, labels_.path, header));
  ASSIGN_OR_RETURN(const uint64_t skipped, labels_.reader.Skip(begin));
  return skipped == begin ? absl::OkStatus() : WrongLength(labels_, "ends before that");
}

absl::StatusOr<bool> IdxRecordReader::Next() {
  records_.reader.Take(record_.size());
  record_ = {};
  if (next_ == end_) {
    if (end_ == header_.records) RETURN_IF_ERROR(CheckEnd());
    return false;
  }
  ASSIGN_OR_RETURN(record_, records_.reader.Peek(header_.record_bytes));
  if (record_.size() < header_.record_bytes) return WrongLength(records_, "ends before that");
  ASSIGN_OR_RETURN(const absl::string_view label, labels_.reader.Peek(1));
  if (label.empty()) return WrongLength(labels_, "ends before that");
  label_ = label_of_[static_cast<unsigned char>(label[0])];
  labels_.reader.Take(1);
  ++next_;
  return true;
}

absl::Status IdxRecordReader::Parse(BatchBuilder* builder, ReadStats* stats) {
  float* const values = builder->StartRow(record_.size()).values;
  std::transform(record_.begin(), record_.end(), values,
                 [](char c) { return static_cast<float>(static_cast<unsigned char>(c)); });
  builder->FinishRow(label_, record_.size());
  ++stats->records;
  return absl::OkStatus();
}

absl::Status IdxRecordReader::CheckEnd() {
  for (File* file : {&records_, &labels_}) {
    ASSIGN_OR_RETURN(const absl::string_view rest, file->reader.Peek(1));
    if (!rest.empty()) return WrongLength(*file, "goes on after that");
  }
  return absl::OkStatus();
}

absl::Status IdxRecordReader::WrongLength(const File& file, absl::string_view how) const {
  return absl::DataLossError(
      absl::StrCat(file.path, ": its header counts ", header_.records, " records, but it ", how));
}

}  // namespace paramd
