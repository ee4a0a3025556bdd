#include "common/columns/merge_statistics.h"

#include <algorithm>

namespace paramd {

void MergeStatistics(const v1::ColumnStatistics& other, v1::ColumnStatistics* column) {
  if (other.count() == 0) return;
  if (column->count() == 0) {
    *column = other;
    return;
  }
  const double a = static_cast<double>(column->count()), b = static_cast<double>(other.count());
  const double difference = other.mean() - column->mean();
  column->set_count(column->count() + other.count());
  column->set_mean(column->mean() + difference * (b / (a + b)));
  column->set_squares(column->squares() + other.squares() +
                      difference * difference * (a * (b / (a + b))));
  column->set_min(std::min(column->min(), other.min()));
  column->set_max(std::max(column->max(), other.max()));
}

}  // namespace paramd
