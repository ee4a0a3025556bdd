#pragma once

#include <cstdint>

#include "paramd/v1/config.pb.h"
#include "paramd/v1/coordinator.pb.h"

namespace paramd {

// Training in one process, without a cluster: what a worker and a server would do, called one after
// the other.
struct LocalTraining {
  double seconds = 0;  // from making the tables to the last update
  uint64_t examples = 0;
  // Of data.eval with the trained parameters; not in `seconds`. Unset without such files.
  v1::Metrics metrics;
};

// Trains as one worker with `config` does, without shuffling: the same batches in the same order,
// read by the worker's own thread, by the same model. Each table is one of the server's shards;
// rows are pulled when the update of the batch before is done. Works in a child process, whose
// memory is as fresh as a daemon's; the caller has no threads. Ends the program on errors.
LocalTraining TrainLocally(const v1::Config& config);

}  // namespace paramd
