#pragma once

#include <string>

#include "absl/status/status.h"
#include "common/model_file/model_file.h"

namespace paramd {

// Writes a linear model as LIBLINEAR's programs read it (save_model in linear.cpp):
// liblinear-predict then gives the same labels, or values. Features keep their numbers; columns of
// dense data count from 1, and their scales are folded into the weights (FoldScales).
// `negative_label`: what an example that is not of label 1 is called by a model of two classes.
// INVALID_ARGUMENT: no linear model, or a feature below 1 or above 100,000,000, as LIBLINEAR writes
// a line for every number; otherwise the errors of common/base/file.h.
absl::Status WriteLiblinear(const std::string& path, const ModelFile& model,
                            const std::string& negative_label);

}  // namespace paramd
