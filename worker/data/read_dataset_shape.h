#pragma once

#include "absl/status/statusor.h"
#include "paramd/v1/config.pb.h"
#include "worker/data/batch.h"

namespace paramd {

// What the batches of a data set look like. For CSV the header, or the first record, of the first
// of data.train that is not empty is read; for IDX the headers of all files. Errors: those of
// opening and decompressing a file; INVALID_ARGUMENT when the label column or one of
// data.csv.columns does not exist (naming the file and the columns there are), when every file is
// empty, or when a line is longer than 16 MiB.
absl::StatusOr<DatasetShape> ReadDatasetShape(const v1::Data& data);

}  // namespace paramd
