#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/wire/operation.h"
#include "server/engine/check_operation.h"
#include "server/engine/wait_times.h"

namespace paramd {

// Takes the answer to one operation.
using ReplyCallback = std::function<void(const Reply&)>;

// A pull that may have to wait for slower clients.
struct PendingPull {
  Operation operation;  // its segments, keys and values may be gone
  CheckedOperation checked;
  Reply reply;
  ReplyCallback done;
  std::vector<uint64_t> keys;  // what the parts of `checked` borrow, after OwnKeys

  // Memory that it takes while it waits, and that its answer will take.
  uint64_t Bytes() const;

  // Makes the pull independent of the operation's memory. It may be moved then, but not copied.
  void OwnKeys();
};

// Pulls that wait, by the clock they wait for. Not thread-safe.
class ParkedPulls {
 public:
  explicit ParkedPulls(const Clock& clock) : clock_(clock) {}

  // Waits until every step before `clock` is closed.
  void Add(uint64_t clock, PendingPull pull);

  // Removes those that wait for `clock` or less, the earliest first.
  std::vector<PendingPull> TakeReady(uint64_t clock);

  // Removes those that fulfil `condition`.
  std::vector<PendingPull> TakeIf(const std::function<bool(const PendingPull&)>& condition);

  const std::multimap<uint64_t, PendingPull>& all() const { return pulls_; }

  // Of all of them.
  uint64_t bytes() const { return bytes_; }

  // How long the table's pulls have waited so far.
  absl::Duration Waited(uint32_t table) const { return times_.Waited(table, clock_.SinceBoot()); }

 private:
  // It waits no longer.
  PendingPull Take(PendingPull& pull, absl::Duration now);

  const Clock& clock_;
  WaitTimes times_;
  uint64_t bytes_ = 0;
  std::multimap<uint64_t, PendingPull> pulls_;
};

}  // namespace paramd
