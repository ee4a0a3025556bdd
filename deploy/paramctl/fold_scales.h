#pragma once

#include "absl/status/statusor.h"
#include "common/model_file/model_file.h"

namespace paramd {

// A linear model (tables `weights` and `bias`) that gives the same scores for values as they are in
// the files, without scales:
//   w_j' = w_j factor_j,  b' = b - sum of w_j factor_j offset_j
// A missing value has to be replaced before. INVALID_ARGUMENT: sparse data, whose weights do not
// say which column they are of, or no such tables.
absl::StatusOr<ModelFile> FoldScales(ModelFile model);

}  // namespace paramd
