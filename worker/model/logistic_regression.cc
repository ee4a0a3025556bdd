#include "worker/model/logistic_regression.h"

#include "worker/model/linear_model.h"
#include "worker/model/loss.h"

namespace paramd {

absl::StatusOr<std::unique_ptr<Model>> MakeLogisticRegression(const v1::Model& config,
                                                              const DatasetShape& shape) {
  return std::make_unique<LinearModel>(shape, MakeLogisticLoss("logistic regression"));
}

}  // namespace paramd
