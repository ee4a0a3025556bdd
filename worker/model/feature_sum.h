#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "paramd/v1/config.pb.h"
#include "worker/data/batch.h"
#include "worker/model/model.h"

namespace paramd {

// Not a predictor: its "gradient" is minus the sum (not the mean) of the features of the batch, so
// that plain gradient descent with learning rate 1 adds every feature up in the table `weights`. It
// shows that every record is used exactly once. Loss 0, every label is allowed, the score is w^T x.
absl::StatusOr<std::unique_ptr<Model>> MakeFeatureSum(const v1::Model& config,
                                                      const DatasetShape& shape);

}  // namespace paramd
