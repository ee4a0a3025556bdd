#include "worker/model/linear_regression.h"

#include "worker/model/linear_model.h"
#include "worker/model/loss.h"

namespace paramd {

absl::StatusOr<std::unique_ptr<Model>> MakeLinearRegression(const v1::Model& config,
                                                            const DatasetShape& shape) {
  return std::make_unique<LinearModel>(shape, MakeSquaredLoss());
}

}  // namespace paramd
