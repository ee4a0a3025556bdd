#pragma once

#include <functional>
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
// columns. `shape` has no scales. `stopped` (null: never) is asked before every batch. Errors:
// those of BatchReader; CANCELLED when it was stopped.
absl::StatusOr<Measured> MeasureColumns(const v1::Data& data, const DatasetShape& shape,
                                        std::vector<v1::Partition> partitions, const Split& split,
                                        const std::function<bool()>& stopped = nullptr);

}  // namespace paramd
