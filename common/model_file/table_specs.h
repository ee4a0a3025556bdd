#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "common/model_file/model_file.h"
#include "paramd/v1/coordinator.pb.h"

namespace paramd {

// Name, kind, rows (of dense ones) and dim of the tables of a saved model.
std::vector<v1::TableSpec> TableSpecs(const ModelFile& model);

// Whether the tables that a file has, `saved`, are those that a model needs. INVALID_ARGUMENT,
// naming the file: one is missing, of another kind or size, or not needed.
absl::Status CheckTables(absl::Span<const v1::TableSpec> saved,
                         absl::Span<const v1::TableSpec> needed, const std::string& file);

}  // namespace paramd
