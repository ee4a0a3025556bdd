#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "paramd/v1/config.pb.h"
#include "worker/data/batch.h"
#include "worker/model/model.h"

namespace paramd {

// Logistic regression: P(y = 1) = 1 / (1 + e^-z) with z = w^T x + b, loss -log P(label).
// Labels: 1, and 0 or -1.
absl::StatusOr<std::unique_ptr<Model>> MakeLogisticRegression(const v1::Model& config,
                                                              const DatasetShape& shape);

}  // namespace paramd
