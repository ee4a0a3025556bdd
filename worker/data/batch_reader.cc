#include "worker/data/batch_reader.h"

#include <limits>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "worker/data/feature_key.h"
#include "worker/data/open_record_reader.h"

namespace paramd {
namespace {

// Keeps the 32-bit offsets of a batch, and its memory, within bounds.
constexpr size_t kMaxBatchValues = size_t{1} << 28;

absl::string_view NameWithoutFolder(absl::string_view path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

}  // namespace

absl::StatusOr<std::unique_ptr<BatchReader>> BatchReader::Open(
    const v1::Data& data, const DatasetShape& shape, std::vector<v1::Partition> partitions,
    const Split& split) {
  if (!shape.scales.empty() && shape.scales.size() != FeatureColumns(shape)) {
    return absl::InvalidArgumentError(absl::StrCat("the data have ", FeatureColumns(shape),
                                                   " feature columns, but ", shape.scales.size(),
                                                   " were measured"));
  }
  auto reader = absl::WrapUnique(new BatchReader(data, shape, std::move(partitions), split));
  if (!reader->partitions_.empty()) RETURN_IF_ERROR(reader->OpenNext());
  return reader;
}

BatchReader::BatchReader(const v1::Data& data, const DatasetShape& shape,
                         std::vector<v1::Partition> partitions, const Split& split)
    : data_(data),
      shape_(shape),
      partitions_(std::move(partitions)),
      split_(split),
      stripes_(partitions_.empty() ? 0 : partitions_[0].stripes()),
      skip_(stripes_ > 0 ? partitions_[0].stripe() : 0),
      label_weights_(data.label_weights()),
      scaler_(shape.scales),
      builder_({.hash_bits = static_cast<int>(data.hash_bits())}) {}

absl::StatusOr<bool> BatchReader::Next(int max_rows, Batch* batch) {
  const auto wanted = static_cast<size_t>(max_rows);
  builder_.Begin(shape_, batch);
  bool more = true;
  // A batch of nothing but bad records is passed over.
  while (more && builder_.rows() == 0) {
    ASSIGN_OR_RETURN(more, SkipRecords(skip_ * wanted));
    size_t read = 0;
    while (more && builder_.rows() < wanted && (stripes_ == 0 || read < wanted)) {
      if (builder_.size() >= kMaxBatchValues) {
        if (stripes_ == 0) break;
        return absl::InvalidArgumentError(absl::StrCat("a batch of ", max_rows,
                                                       " records has more than ", kMaxBatchValues,
                                                       " values; make data.batch_size smaller"));
      }
      ASSIGN_OR_RETURN(more, NextRecord());
      if (!more) break;
      RETURN_IF_ERROR(records_->Parse(&builder_, &stats_));
      ++read;
    }
    skip_ = stripes_ > 0 ? stripes_ - 1 : 0;
  }
  builder_.Finish();
  label_weights_.Apply(batch);
  scaler_.Apply(batch);
  return batch->rows() > 0;
}

uint64_t BatchReader::BytesLeft() const {
  if (next_partition_ < partitions_.size()) return std::numeric_limits<uint64_t>::max();
  return records_ == nullptr ? 0 : records_->BytesLeft();
}

absl::Status BatchReader::OpenNext() {
  const v1::Partition& partition = partitions_[next_partition_];
  ASSIGN_OR_RETURN(records_, OpenRecordReader(data_, shape_, partition));
  file_key_ = NameKey(NameWithoutFolder(partition.file()));
  ++next_partition_;
  return absl::OkStatus();
}

absl::StatusOr<bool> BatchReader::NextRecord() {
  while (records_ != nullptr) {
    ASSIGN_OR_RETURN(const bool more, records_->Next());
    if (more) {
      if (split_.Has(file_key_, records_->Offset())) return true;
      continue;
    }
    records_ = nullptr;
    if (next_partition_ == partitions_.size()) break;
    RETURN_IF_ERROR(OpenNext());
  }
  return false;
}

absl::StatusOr<bool> BatchReader::SkipRecords(uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(const bool more, NextRecord());
    if (!more) return false;
  }
  return true;
}

}  // namespace paramd
