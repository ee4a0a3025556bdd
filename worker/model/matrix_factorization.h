#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "paramd/v1/config.pb.h"
#include "worker/data/batch.h"
#include "worker/model/model.h"

namespace paramd {

// Matrix factorization with biases (Koren, Bell, Volinsky, "Matrix factorization techniques for
// recommender systems", IEEE Computer 42(8), 2009, equations 3 and 4):
//   z = mu + b_u + b_i + <p_u, q_i>,   loss (z - rating)^2 / 2,
// with vectors of length k = model.dim. lambda of equation 5 is optimizer.l2.
//
// An example is "rating user:1 item:1": exactly two different features of value 1, the user and the
// item. Users and items are numbered from different ranges, as the columns of a one-hot encoding
// are; which of the two comes first means nothing. CheckLabels refuses other examples.
//
// Tables: dense global mu [1][1], sparse biases b (dim 1) and sparse vectors p and q (dim k), which
// begin uniform in +-model.init_scale. All learn by AdaGrad unless the configuration says
// otherwise. INVALID_ARGUMENT: dense data.
absl::StatusOr<std::unique_ptr<Model>> MakeMatrixFactorization(const v1::Model& config,
                                                               const DatasetShape& shape);

}  // namespace paramd
