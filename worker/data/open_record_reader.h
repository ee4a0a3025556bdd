#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "paramd/v1/config.pb.h"
#include "paramd/v1/coordinator.pb.h"
#include "worker/data/batch.h"
#include "worker/data/record_reader.h"

namespace paramd {

// The reader for a partition of a file that must hold data of `shape`. Errors: as BatchReader::Open
// for one partition.
absl::StatusOr<std::unique_ptr<RecordReader>> OpenRecordReader(const v1::Data& data,
                                                               const DatasetShape& shape,
                                                               const v1::Partition& partition);

}  // namespace paramd
