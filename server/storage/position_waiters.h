#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "absl/status/status.h"

namespace paramd {

// Who waits until a log has got to a position. Positions ascend; each is reached or lost, in order.
// Not thread-safe.
class PositionWaiters {
 public:
  using Callback = std::function<void(const absl::Status&)>;
  struct Ready {
    Callback callback;
    absl::Status status;
    void operator()() const { callback(status); }
  };

  // It becomes ready when `position` is reached, with OK, or lost.
  void Add(uint64_t position, Callback callback);

  // What is not lost up to `position` is reached.
  void Advance(uint64_t position);

  // What is not reached up to `position` is lost, because of `reason`.
  void Lose(uint64_t position, const absl::Status& reason);

  // All that is reached or lost.
  uint64_t decided() const { return decided_; }

  bool has_ready() const { return !ready_.empty(); }

  // Those who became ready, in that order, which is that of the positions for those who were
  // waiting.
  std::vector<Ready> TakeReady() { return std::exchange(ready_, {}); }

 private:
  struct Lost {
    uint64_t first = 0, last = 0;
    absl::Status reason;
  };

  void Release(uint64_t position, const absl::Status& status);
  absl::Status Outcome(uint64_t position) const;

  uint64_t decided_ = 0;
  std::vector<Lost> lost_;  // in ascending order; one for each failure of the log
  std::multimap<uint64_t, Callback> waiting_;
  std::vector<Ready> ready_;
};

}  // namespace paramd
