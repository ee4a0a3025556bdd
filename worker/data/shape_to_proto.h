#pragma once

#include "paramd/v1/coordinator.pb.h"
#include "worker/data/batch.h"

namespace paramd {

// What the coordinator and a saved model are told of a data set.
v1::DataShape ToProto(const DatasetShape& shape);

}  // namespace paramd
