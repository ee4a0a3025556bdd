#include "server/engine/wait_times.h"

namespace paramd {

void WaitTimes::Begin(uint32_t table, uint32_t client, absl::Duration now) {
  Waiting& waiting = waiting_[{table, client}];
  if (waiting.pulls++ == 0) waiting.since = now;
}

void WaitTimes::End(uint32_t table, uint32_t client, absl::Duration now) {
  const auto found = waiting_.find({table, client});
  if (--found->second.pulls > 0) return;
  waited_[table] += now - found->second.since;
  waiting_.erase(found);
}

absl::Duration WaitTimes::Waited(uint32_t table, absl::Duration now) const {
  const auto done = waited_.find(table);
  absl::Duration waited = done == waited_.end() ? absl::ZeroDuration() : done->second;
  for (const auto& [key, waiting] : waiting_) {
    if (key.first == table) waited += now - waiting.since;
  }
  return waited;
}

}  // namespace paramd
