#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "paramd/v1/config.pb.h"
#include "worker/data/batch.h"
#include "worker/model/model.h"

namespace paramd {

// The model that `config` asks for, on data of `shape`. INVALID_ARGUMENT: no such type, dense data
// without a feature, or a setting that the model cannot have.
absl::StatusOr<std::unique_ptr<Model>> CreateModel(const v1::Model& config,
                                                   const DatasetShape& shape);

}  // namespace paramd
