#include "server/engine/step_ledger.h"

namespace paramd {

std::vector<FinishedStep> StepLedger::TakeBefore(uint64_t clock) {
  std::vector<FinishedStep> finished;
  const auto end = steps_.lower_bound(clock);
  for (auto it = steps_.begin(); it != end; ++it) {
    FinishedStep step = {.step = it->first};
    for (const auto& [client, examples] : it->second) step.examples += examples;
    for (const auto& [client, examples] : it->second) {
      if (examples == 0) continue;
      step.contributions.push_back(
          {.client = client,
           .weight = static_cast<double>(examples) / static_cast<double>(step.examples)});
    }
    finished.push_back(std::move(step));
  }
  steps_.erase(steps_.begin(), end);
  return finished;
}

uint64_t StepLedger::NextStepOf(uint32_t client) const {
  for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
    if (step->second.contains(client)) return step->first + 1;
  }
  return 0;
}

}  // namespace paramd
