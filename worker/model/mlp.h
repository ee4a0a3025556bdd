#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "paramd/v1/config.pb.h"
#include "worker/data/batch.h"
#include "worker/model/model.h"

namespace paramd {

// Multi-layer perceptron: Z_0 = X W_0 + 1 b_0 for the features X, further layers as of
// worker/model/mlp_layers.h, and the loss of model.objective (multiclass by default) on the output.
// Tables: `layer<i>.weights` [inputs][outputs] and `layer<i>.bias` [1][outputs], dense; of sparse
// data `layer0.weights` is sparse, with a row for each feature. Hidden layers: model.hidden, by
// default one of 128 units. AdaGrad by default. Errors: those of MakeObjectiveLoss and
// HiddenLayers.
absl::StatusOr<std::unique_ptr<Model>> MakeMlp(const v1::Model& config, const DatasetShape& shape);

}  // namespace paramd
