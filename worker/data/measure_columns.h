#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "paramd/v1/config.pb.h"
#include "paramd/v1/coordinator.pb.h"
#include "worker/data/batch.h"
#include "worker/data/record_reader.h"
#include "worker/data/split.h"

namespace paramd {

struct Measured {
  // Of each column of dense data, or each field of sparse data; a column of categories counts none.
  std::vector<v1::ColumnStatistics> columns;
  ReadStats read;
};

// Reads partitions as they are in the files, only the records that `split` has, and measures their
// columns. `shape` has no scales. Errors: those of BatchReader.
absl::StatusOr<Measured> MeasureColumns(const v1::Data& data, const DatasetShape& shape,
                                        std::vector<v1::Partition> partitions, const Split& split);

}  // namespace paramd
