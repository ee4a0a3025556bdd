#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "server/table/step_buffer.h"

namespace paramd {

// A synchronous step that everybody has finished: who takes part, ascending by client.
struct FinishedStep {
  uint64_t step = 0;
  std::vector<Contribution> contributions;
  uint64_t examples = 0;  // of all contributors together
};

// Who finished which synchronous step with how many examples. Not thread-safe.
class StepLedger {
 public:
  // A second record of a client for a step changes nothing.
  void Record(uint32_t client, uint64_t step, uint64_t examples) {
    steps_[step].try_emplace(client, examples);
  }

  // The step after the last one that the client has finished of those that are here; 0: of none.
  uint64_t NextStepOf(uint32_t client) const;

  // Removes the steps before `clock`, in order. Client i's weight is n_i / sum of n, where n are
  // the examples; clients without examples do not take part.
  std::vector<FinishedStep> TakeBefore(uint64_t clock);

 private:
  std::map<uint64_t, std::map<uint32_t, uint64_t>> steps_;  // step -> client -> examples
};

}  // namespace paramd
