#pragma once

#include <vector>

#include "paramd/v1/config.pb.h"
#include "paramd/v1/coordinator.pb.h"

namespace paramd {

// Whether the columns of the training files are measured before training.
bool WantsScales(const v1::Data& data);

// What data.scaling does to the values of a measured column, with missing values as its mean:
//   standard  (x - mean) / sqrt(squares / count)
//   min_max   (x - min) / (max - min)
//   as_is     x
// The factor is 1 where all values are the same. A column without values is left as it is, and its
// `missing` is NaN.
v1::ColumnScale ScaleOf(const v1::ColumnStatistics& column, v1::Data::Scaling scaling);

// Puts what was measured in partitions together, in the order of the partitions. `items`: the work
// of a pass that measures, done; each has the statistics of `columns` columns.
std::vector<v1::ColumnStatistics> MergeColumns(const v1::WorkQueueState& items, int columns);

}  // namespace paramd
