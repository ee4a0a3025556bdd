#include "worker/model/objective_loss.h"

#include "absl/strings/str_cat.h"

namespace paramd {

absl::StatusOr<std::unique_ptr<Loss>> MakeObjectiveLoss(const v1::Model& config,
                                                        const char* model) {
  switch (config.objective()) {
    case v1::Model::BINARY:
      return MakeLogisticLoss(model);
    case v1::Model::REGRESSION:
      return MakeSquaredLoss();
    case v1::Model::MULTICLASS:
      if (config.type() != v1::Model::MLP) break;
      if (config.classes() < 2) {
        return absl::InvalidArgumentError(absl::StrCat(
            "model.classes: ", model, " needs at least 2 classes, not ", config.classes()));
      }
      return MakeSoftmaxLoss(model, static_cast<int>(config.classes()));
    default:
      break;
  }
  return absl::InvalidArgumentError(absl::StrCat("model.objective: ", model,
                                                 " cannot have objective ",
                                                 v1::Model::Objective_Name(config.objective())));
}

}  // namespace paramd
