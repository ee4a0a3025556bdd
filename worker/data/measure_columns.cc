#include "worker/data/measure_columns.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>

#include "common/base/status_macros.h"
#include "common/columns/merge_statistics.h"
#include "worker/data/batch_reader.h"

namespace paramd {
namespace {

// Not data.batch_size: the figures do not depend on it.
constexpr int kBatchRows = 1024;

// Calls visit(column, value) for every value that is there.
template <class Visit>
void VisitValues(const Batch& batch, Visit visit) {
  const size_t columns = static_cast<size_t>(batch.dense_cols);
  for (size_t i = 0, column = 0; i < batch.values.size(); ++i) {
    if (batch.sparse) column = batch.fields[i];
    if (!std::isnan(batch.values[i])) visit(column, double{batch.values[i]});
    if (++column == columns) column = 0;
  }
}

// Statistics of the columns of batches, in the order in which they are added.
class ColumnMeter {
 public:
  explicit ColumnMeter(size_t columns) : columns_(columns), batch_(columns) {}

  void Add(const Batch& batch) {
    std::fill(batch_.begin(), batch_.end(), Column());
    VisitValues(batch, [this](size_t column, double value) {
      Column& c = batch_[column];
      ++c.count;
      c.sum += value;
      c.min = std::min(c.min, value);
      c.max = std::max(c.max, value);
    });
    for (Column& c : batch_) c.mean = c.sum / static_cast<double>(c.count);
    VisitValues(batch, [this](size_t column, double value) {
      Column& c = batch_[column];
      c.squares += (value - c.mean) * (value - c.mean);
    });
    for (size_t i = 0; i < batch_.size(); ++i) Merge(batch_[i], &columns_[i]);
  }

  std::vector<v1::ColumnStatistics>& columns() { return columns_; }

 private:
  struct Column {
    uint64_t count = 0;
    double sum = 0;
    double mean = 0;  // NaN without values
    double squares = 0;
    double min = std::numeric_limits<double>::infinity();
    double max = -std::numeric_limits<double>::infinity();
  };

  static void Merge(const Column& batch, v1::ColumnStatistics* column) {
    v1::ColumnStatistics part;
    part.set_count(batch.count);
    part.set_mean(batch.mean);
    part.set_squares(batch.squares);
    part.set_min(batch.min);
    part.set_max(batch.max);
    MergeStatistics(part, column);
  }

  std::vector<v1::ColumnStatistics> columns_;
  std::vector<Column> batch_;
};

}  // namespace

absl::StatusOr<Measured> MeasureColumns(const v1::Data& data, const DatasetShape& shape,
                                        std::vector<v1::Partition> partitions, const Split& split,
                                        const std::function<bool()>& stopped) {
  assert(shape.scales.empty());
  ASSIGN_OR_RETURN(const std::unique_ptr<BatchReader> reader,
                   BatchReader::Open(data, shape, std::move(partitions), split));
  ColumnMeter meter(FeatureColumns(shape));
  Batch batch;
  while (true) {
    if (stopped != nullptr && stopped()) return absl::CancelledError("measuring was stopped");
    ASSIGN_OR_RETURN(const bool more, reader->Next(kBatchRows, &batch));
    if (!more) break;
    meter.Add(batch);
  }
  for (size_t i = 0; i < shape.categorical.size(); ++i) {
    if (shape.categorical[i]) meter.columns()[i].Clear();
  }
  return Measured{.columns = std::move(meter.columns()), .read = reader->stats()};
}

}  // namespace paramd
