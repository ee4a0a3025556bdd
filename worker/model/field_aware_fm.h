#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "paramd/v1/config.pb.h"
#include "worker/data/batch.h"
#include "worker/model/model.h"

namespace paramd {

// Field-aware factorization machine (Juan et al., "Field-aware factorization machines for CTR
// prediction", RecSys 2016, equation 4), with the bias and the linear terms that the paper leaves
// out of its formulas:
//   z = b + sum_i w_i x_i + sum_{i<j} <v_i[f_j], v_j[f_i]> x_i x_j,
// where f_i is the field of feature i and v_i has a vector of length k = model.dim for each field.
// The loss of z is that of model.objective, as for a factorization machine. Unlike LIBFFM it does
// not scale examples to unit length. O(k n^2) for an example with n features.
//
// Tables: as those of a factorization machine, but all features are sparse, and a row of vectors is
// [fields][k].
// INVALID_ARGUMENT: data without fields, a row of more than 2^24 values, or another objective.
absl::StatusOr<std::unique_ptr<Model>> MakeFieldAwareFm(const v1::Model& config,
                                                        const DatasetShape& shape);

}  // namespace paramd
