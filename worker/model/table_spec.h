#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "paramd/v1/config.pb.h"
#include "paramd/v1/coordinator.pb.h"
#include "worker/data/batch.h"

namespace paramd {

// Tables as models declare them (Model::Tables): initial values are zero until initial_scale is
// set, `optimizer` has the defaults of its type.
v1::TableSpec DenseTable(absl::string_view name, uint64_t rows, int dim,
                         v1::Optimizer::Type optimizer);
v1::TableSpec SparseTable(absl::string_view name, int dim, v1::Optimizer::Type optimizer);

// A row for each feature: sparse or dense as the data are.
v1::TableSpec FeatureTable(const DatasetShape& shape, absl::string_view name, int dim,
                           v1::Optimizer::Type optimizer);

}  // namespace paramd
