#pragma once

#include <cstdint>
#include <optional>

#include "paramd/v1/coordinator.pb.h"

namespace paramd {

// The work of one epoch (or one evaluation): each item is done by one worker at a time, and its
// completion is accepted once. Pure: knows neither time nor network; the coordinator says when a
// worker's lease is over. Not thread-safe.
class WorkQueue {
 public:
  // Nothing to do.
  WorkQueue() = default;
  // Goes on where a stored queue stopped.
  explicit WorkQueue(v1::WorkQueueState state) : state_(std::move(state)) {}

  // Replaces the items by the partitions 0 .. partitions - 1, in an order drawn from `order_seed`;
  // 0 keeps the order.
  void Start(uint32_t partitions, uint64_t order_seed);

  struct Grant {
    uint64_t lease = 0;
    uint32_t partition = 0;
    // From 1.
    uint32_t attempt = 0;
  };
  // The next pending item for `worker`, or none.
  std::optional<Grant> Take(uint32_t worker);

  // What `worker` holds now, for repeating grants after a reconnect.
  std::vector<Grant> HeldBy(uint32_t worker) const;

  // Whether the completion counts: `lease` is held by `worker`. A lease that was given back or
  // completed does not.
  bool Complete(uint64_t lease, uint32_t worker, uint64_t records, uint64_t bad_records);

  // Gives back what `worker` holds; it becomes pending again, before the rest. Returns how many
  // items.
  int Release(uint32_t worker);

  bool AllDone() const;
  bool HasPending() const;
  uint64_t Count(v1::WorkItem::State state) const;
  // Over the completed items.
  uint64_t Records() const;
  uint64_t BadRecords() const;

  const v1::WorkQueueState& state() const { return state_; }

 private:
  v1::WorkQueueState state_;
};

}  // namespace paramd
