#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "paramd/v1/config.pb.h"
#include "worker/data/batch.h"
#include "worker/model/model.h"

namespace paramd {

// Softmax (multinomial logistic) regression: P(y = c) = e^z_c / sum_j e^z_j with z = W^T x + b,
// loss -log P(label). Labels: whole numbers from 0 to classes - 1. INVALID_ARGUMENT: fewer than 2
// classes.
absl::StatusOr<std::unique_ptr<Model>> MakeSoftmaxRegression(const v1::Model& config,
                                                             const DatasetShape& shape);

}  // namespace paramd
