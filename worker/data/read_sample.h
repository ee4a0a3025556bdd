#pragma once

#include <cstddef>

#include "absl/status/statusor.h"
#include "paramd/v1/config.pb.h"
#include "worker/data/batch.h"
#include "worker/data/split.h"

namespace paramd {

// About `rows` examples of dense training files, fewer when there are not as many: the first ones
// of up to 32 equal pieces of the files, so that sorted files are seen in many places. Files that
// cannot be cut at lines are read from their beginning. The same for everybody who reads the same
// files. Errors: those of BatchReader; bad records are skipped and left for training to count.
// Only records that `split` has.
absl::StatusOr<Batch> ReadSample(const v1::Data& data, const DatasetShape& shape, size_t rows,
                                 const Split& split = {});

}  // namespace paramd
