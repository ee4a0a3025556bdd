#pragma once

#include <vector>

#include "paramd/v1/config.pb.h"
#include "paramd/v1/coordinator.pb.h"
#include "worker/data/batch.h"
#include "worker/data/split.h"

namespace paramd {

// All that the batches of some partitions follow from, besides the files' content: arguments of
// BatchReader::Open and Next. A plain value.
struct BatchRequest {
  v1::Data data;
  DatasetShape shape;
  std::vector<v1::Partition> partitions;
  Split split;
  int batch_rows = 0;
};

}  // namespace paramd
