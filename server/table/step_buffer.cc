#include "server/table/step_buffer.h"

#include <utility>

namespace paramd {

bool StepBuffer::Add(const PushId& id, uint64_t step, const RowSet& rows,
                     std::vector<float> gradients) {
  if (step < open_step_) return false;
  pushes_[step][id.client].push_back({
      .id = id,
      .count = rows.count,
      .first_row = rows.first_row,
      .keys = {rows.keys.begin(), rows.keys.end()},
      .gradients = std::move(gradients),
  });
  return true;
}

std::vector<WeightedPush> StepBuffer::Close(uint64_t step,
                                            absl::Span<const Contribution> contributions) {
  std::vector<WeightedPush> closed;
  if (step < open_step_) return closed;
  if (const auto it = pushes_.find(step); it != pushes_.end()) {
    for (const Contribution& contribution : contributions) {
      for (BufferedPush& push : it->second[contribution.client]) {
        closed.push_back({.weight = contribution.weight, .push = std::move(push)});
      }
    }
  }
  pushes_.erase(pushes_.begin(), pushes_.upper_bound(step));
  open_step_ = step + 1;
  return closed;
}

void StepBuffer::Discard(uint32_t client, uint64_t from_step) {
  for (auto it = pushes_.lower_bound(from_step); it != pushes_.end(); ++it) {
    it->second.erase(client);
  }
}

void StepBuffer::AddTo(Hasher& hasher) const {
  hasher.AddValues(open_step_, uint64_t{pushes_.size()});
  for (const auto& [step, clients] : pushes_) {
    hasher.AddValues(step, uint64_t{clients.size()});
    for (const auto& [client, pushes] : clients) {
      hasher.AddValues(client, uint64_t{pushes.size()});
      for (const BufferedPush& push : pushes) {
        hasher.AddValues(push.count, push.first_row);
        hasher.Add(absl::Span<const uint64_t>(push.keys));
        hasher.Add(absl::Span<const float>(push.gradients));
      }
    }
  }
}

}  // namespace paramd
