#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "paramd/v1/config.pb.h"
#include "worker/data/batch.h"
#include "worker/model/model.h"

namespace paramd {

// Linear regression: z = w^T x + b, loss (z - y)^2 / 2. Every finite label is allowed.
absl::StatusOr<std::unique_ptr<Model>> MakeLinearRegression(const v1::Model& config,
                                                            const DatasetShape& shape);

}  // namespace paramd
