#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "paramd/v1/coordinator.pb.h"

namespace paramd {

// What `paramctl run CONFIG --servers 1 --workers 1` came to.
struct ClusterTraining {
  // That the coordinator counts, from sending out the shard map to the acknowledgement of the last
  // push, with the connections made and the epochs begun and ended in between; then evaluation and
  // saving the model, where the configuration asks for them. The processes are up before.
  double seconds = 0;
  uint64_t examples = 0;
  // auc, logloss and accuracy of data.eval; unset without such files.
  v1::Metrics metrics;
  uint64_t worker_peak_bytes = 0;  // VmHWM
};

// Runs the job of a configuration file with `settings` ("data.epochs=2") put over it. Ends the
// program when the job fails. `paramctl`: path of the program.
ClusterTraining TrainInCluster(const std::string& paramctl, const std::string& config,
                               const std::vector<std::string>& settings);

}  // namespace paramd
