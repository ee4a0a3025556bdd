#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"

namespace paramd {

// The clocks (counts of finished steps) of the clients that take part at one server. Their minimum
// is what consistency modes wait for; it never goes back, but for AttachAt. Not thread-safe. O(log
// clients).
class ClockTracker {
 public:
  struct ClientClock {
    uint32_t client = 0;
    uint64_t clock = 0;
  };

  // Clock of the client, which takes part from now on: its own when it was attached already, else
  // MinClock(), so that nobody has to wait for steps it was not there for, and `at_least` this.
  uint64_t Attach(uint32_t client, uint64_t at_least = 0);

  // Of a tracker that nobody has entered: whoever is first enters at `clock`.
  void Begin(uint64_t clock) { horizon_ = std::max(horizon_, clock); }

  // The same for a client that is at `clock` in truth, also where that is before MinClock(): this
  // server is new to it.
  uint64_t AttachAt(uint32_t client, uint64_t clock);

  // The client has finished every step before `clock`. No effect when it is not attached or has
  // finished more.
  void Advance(uint32_t client, uint64_t clock);

  // Nobody waits for the client any more. No effect when it is not attached.
  void Detach(uint32_t client);

  // Detaches every client that is not in `clients`.
  void RetainOnly(const absl::flat_hash_set<uint32_t>& clients);

  // Of every attached client.
  const absl::flat_hash_map<uint32_t, uint64_t>& clocks() const { return clocks_; }

  // Nothing when the client is not attached.
  std::optional<uint64_t> ClockOf(uint32_t client) const;

  // Smallest clock of the attached clients; when there is none, the largest clock ever reached.
  uint64_t MinClock() const;

  // Largest clock that all but `slowest` of the attached clients have reached, and at least one
  // has; of no client, MinClock(). May go back when `slowest` > 0 and a client comes or goes.
  uint64_t ClockOfAllBut(size_t slowest) const;

  // Largest clock of the attached clients; when there is none, the largest clock ever reached.
  uint64_t MaxClock() const;

  // The attached client with the smallest clock (and of those, the smallest id).
  std::optional<ClientClock> Slowest() const;

 private:
  absl::flat_hash_map<uint32_t, uint64_t> clocks_;
  std::set<std::pair<uint64_t, uint32_t>> order_;  // (clock, client), the same as clocks_
  uint64_t horizon_ = 0;                           // largest clock ever reached
};

}  // namespace paramd
