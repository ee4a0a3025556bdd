#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "paramd/v1/config.pb.h"
#include "worker/model/loss.h"

namespace paramd {

// The loss of `config.objective`: logistic, softmax over config.classes, or squared. `model`: its
// name, for messages. INVALID_ARGUMENT: multiclass where type is not MLP, or fewer than 2 classes.
absl::StatusOr<std::unique_ptr<Loss>> MakeObjectiveLoss(const v1::Model& config, const char* model);

}  // namespace paramd
