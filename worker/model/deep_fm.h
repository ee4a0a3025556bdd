#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "paramd/v1/config.pb.h"
#include "worker/data/batch.h"
#include "worker/model/model.h"

namespace paramd {

// DeepFM (Guo et al., IJCAI 2017, equations 1 to 4): a factorization machine and a multi-layer
// perceptron on the same vectors v_i of length k,
//   z = w^T x + sum_{i<j} <v_i, v_j> x_i x_j + deep(x),
// with deep(x) of worker/model/deep_part.h, whose last bias is the model's. With its P, the sum
// over pairs is (|s|^2 - sum_i |v_i|^2 x_i^2) / 2 for s = sum of P over the fields (Rendle, ICDM
// 2010, lemma 3.1). The loss is that of model.objective (binary or regression). Features need
// fields.
// Tables: sparse `weights` w [keys][1], which begins at 0 and learns by FTRL unless the
// configuration says otherwise; then those of the deep part, with v in `embeddings`. Errors: those
// of DeepPart::Make and MakeObjectiveLoss.
absl::StatusOr<std::unique_ptr<Model>> MakeDeepFm(const v1::Model& config,
                                                  const DatasetShape& shape);

}  // namespace paramd
