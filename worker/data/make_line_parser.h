#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "paramd/v1/config.pb.h"
#include "worker/data/batch.h"
#include "worker/data/line_parser.h"

namespace paramd {

// The parser for `file`, which must hold data of `shape`. The one place that knows every format.
// INVALID_ARGUMENT: the format cannot give such data, or the header of the file shows other
// columns; otherwise the errors of opening and decompressing the file.
absl::StatusOr<std::unique_ptr<LineParser>> MakeLineParser(const v1::Data& data,
                                                           const DatasetShape& shape,
                                                           const std::string& file);

}  // namespace paramd
