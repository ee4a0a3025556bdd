#pragma once

#include "absl/status/status.h"
#include "paramd/v1/config.pb.h"
#include "worker/data/batch.h"
#include "worker/model/model.h"

namespace paramd {

// Looks at the first 1,000 records of the training and of the held-out files (of up to 32 of each,
// spread over all), so that labels which the model has no meaning for are found before anything is
// trained; others are found when they are read. INVALID_ARGUMENT: such a label, with the file.
// Otherwise the errors of BatchReader.
absl::Status CheckFirstLabels(const v1::Data& data, const DatasetShape& shape, const Model& model);

}  // namespace paramd
