#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "paramd/v1/config.pb.h"
#include "worker/data/batch.h"
#include "worker/model/model.h"

namespace paramd {

// Wide & deep learning (Cheng et al., DLRS 2016, equation 3): z = w^T x + deep(x), with deep(x) of
// worker/model/deep_part.h, whose last bias is the model's; the loss is that of model.objective
// (binary or regression). Features need fields.
// Tables: sparse `wide` [keys][1], which begins at 0 and learns by FTRL, as in the paper, unless
// the configuration says otherwise; then those of the deep part. Errors: those of DeepPart::Make
// and MakeObjectiveLoss.
absl::StatusOr<std::unique_ptr<Model>> MakeWideDeep(const v1::Model& config,
                                                    const DatasetShape& shape);

}  // namespace paramd
