#include "worker/model/softmax_regression.h"

#include "absl/strings/str_cat.h"
#include "worker/model/linear_model.h"
#include "worker/model/loss.h"

namespace paramd {

absl::StatusOr<std::unique_ptr<Model>> MakeSoftmaxRegression(const v1::Model& config,
                                                             const DatasetShape& shape) {
  if (config.classes() < 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("softmax regression needs at least 2 classes, not ", config.classes()));
  }
  return std::make_unique<LinearModel>(
      shape, MakeSoftmaxLoss("softmax regression", static_cast<int>(config.classes())));
}

}  // namespace paramd
