#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "paramd/v1/config.pb.h"
#include "worker/data/batch.h"
#include "worker/model/model.h"

namespace paramd {

// Factorization machine of degree 2 (Rendle, "Factorization machines", ICDM 2010, equation 1):
//   z = b + sum_i w_i x_i + sum_{i<j} <v_i, v_j> x_i x_j,   v_i of length k = model.dim,
// computed in O(k) for each feature (lemma 3.1):
//   sum_{i<j} <v_i, v_j> x_i x_j = (|s|^2 - sum_i |v_i|^2 x_i^2) / 2,   s = sum_i x_i v_i,
// with the derivative x_i s - x_i^2 v_i by v_i (equation 4). The loss of z is that of
// model.objective: logistic (binary) or squared (regression).
//
// Tables: weights w (dim 1) and vectors v (dim k), sparse or with a row for each column as the data
// are, and the dense bias b [1][1]. weights and bias begin at 0 and learn by FTRL, vectors begin
// uniform in +-model.init_scale and learn by AdaGrad, unless the configuration says otherwise.
// INVALID_ARGUMENT: another objective.
absl::StatusOr<std::unique_ptr<Model>> MakeFactorizationMachine(const v1::Model& config,
                                                                const DatasetShape& shape);

}  // namespace paramd
