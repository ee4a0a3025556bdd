#pragma once

#include <google/protobuf/repeated_field.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "paramd/v1/config.pb.h"
#include "paramd/v1/coordinator.pb.h"

namespace paramd {

// The training files of `data` as byte ranges that begin and end at line ends (IDX: at records),
// for a cluster that starts with `workers` workers: about data.partitions_per_worker pieces for
// each, and at least `workers` pieces when there are as many lines. A compressed file is one
// partition. Empty files have none. Reads only the neighbourhood of every cut. NOT_FOUND and the
// like: a file that cannot be read, with its name. INVALID_ARGUMENT: no IDX file. No partition at
// all when every file is empty.
absl::StatusOr<std::vector<v1::Partition>> CutTrainingFiles(const v1::Data& data, uint32_t workers);

// Files, whole; empty ones are left out. Errors as above, but no files are no error.
absl::StatusOr<std::vector<v1::Partition>> WholeFiles(
    const google::protobuf::RepeatedPtrField<std::string>& paths);

// The files that an evaluation of a job with `data` reads: data.eval, or the training files when a
// fraction of their records is held out. Errors as above.
absl::StatusOr<std::vector<v1::Partition>> EvaluationFiles(const v1::Data& data);

}  // namespace paramd
