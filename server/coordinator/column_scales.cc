#include "server/coordinator/column_scales.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "common/columns/merge_statistics.h"

namespace paramd {
namespace {

// 1 / range, or 1 where there is no float of that size.
float FactorOf(double range) {
  const float factor = static_cast<float>(1 / range);
  return std::isfinite(factor) && factor > 0 ? factor : 1;
}

}  // namespace

bool WantsScales(const v1::Data& data) {
  return data.scaling() > v1::Data::AS_IS || data.csv().missing() == v1::Csv::MEAN;
}

v1::ColumnScale ScaleOf(const v1::ColumnStatistics& column, v1::Data::Scaling scaling) {
  v1::ColumnScale scale;
  scale.set_factor(1);
  if (column.count() == 0) {
    scale.set_missing(std::numeric_limits<float>::quiet_NaN());
    return scale;
  }
  scale.set_missing(static_cast<float>(column.mean()));
  if (scaling == v1::Data::STANDARD) {
    scale.set_offset(static_cast<float>(column.mean()));
    scale.set_factor(FactorOf(std::sqrt(column.squares() / static_cast<double>(column.count()))));
  } else if (scaling == v1::Data::MIN_MAX) {
    scale.set_offset(static_cast<float>(column.min()));
    scale.set_factor(FactorOf(column.max() - column.min()));
  }
  return scale;
}

std::vector<v1::ColumnStatistics> MergeColumns(const v1::WorkQueueState& items, int columns) {
  std::vector<v1::ColumnStatistics> merged(static_cast<size_t>(columns));
  for (const v1::WorkItem& item : items.items()) {
    for (int i = 0; i < std::min(columns, item.columns_size()); ++i) {
      MergeStatistics(item.columns(i), &merged[static_cast<size_t>(i)]);
    }
  }
  return merged;
}

}  // namespace paramd
