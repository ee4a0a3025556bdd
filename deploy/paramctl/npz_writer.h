#pragma once

#include <string>

#include "absl/status/status.h"
#include "common/model_file/model_file.h"

namespace paramd {

// Writes the tables of a model as an archive of NumPy (numpy.load): T.keys uint64[rows] and
// T.values float32[rows][dim] for a sparse table T, T float32[rows][dim] for a dense one, and
// scales float32[columns][3] (FORMAT.md) where there are any. A ZIP archive (PKWARE APPNOTE 6.3,
// sections 4.3.7 to 4.3.16) of files in NumPy's format 1.0, stored without compression.
// INVALID_ARGUMENT: 4 GiB or more, which such an archive does not hold; otherwise the errors of
// common/base/file.h.
absl::Status WriteNpz(const std::string& path, const ModelFile& model);

}  // namespace paramd
