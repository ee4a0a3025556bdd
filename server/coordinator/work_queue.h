#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "paramd/v1/coordinator.pb.h"

namespace paramd {

// The work of the epochs under way, and of an evaluation: each item is done by one worker at a
// time, and its completion is accepted once. Pure: knows neither time nor network; the coordinator
// says when a worker's lease is over. Not thread-safe.
class WorkQueue {
 public:
  // Nothing to do.
  WorkQueue() = default;
  // Goes on where a stored queue stopped.
  explicit WorkQueue(v1::WorkQueueState state) : state_(std::move(state)) {}

  // Adds the partitions 0 .. partitions - 1 of an epoch behind what is there, in an order drawn
  // from `order_seed`; 0 keeps the order.
  void Add(uint32_t epoch, uint32_t partitions, uint64_t order_seed);
  // Adds an evaluation after or in `epoch`, which is handed out before anything else and belongs to
  // no epoch's totals.
  void AddEvaluation(uint32_t epoch);
  // Adds the partitions 0 .. partitions - 1 of the pass before training that measures the columns,
  // in their order. It counts as epoch 0.
  void AddMeasuring(uint32_t partitions) { Add(0, partitions, 0); }
  // Forgets the partitions of an epoch.
  void Remove(uint32_t epoch);
  // Forgets what nobody holds.
  void RemovePending();

  struct Grant {
    uint64_t lease = 0;
    uint32_t epoch = 0;
    uint32_t partition = 0;
    // From 1.
    uint32_t attempt = 0;
    v1::WorkGrant::Kind kind = v1::WorkGrant::TRAIN;
  };
  // The next pending item for `worker`, or none.
  std::optional<Grant> Take(uint32_t worker);

  // What `worker` holds now, for repeating grants after a reconnect.
  std::vector<Grant> HeldBy(uint32_t worker) const;

  // The grant that is completed, if the completion counts: its lease is held by `worker`. A lease
  // that was given back or completed does not.
  std::optional<Grant> Complete(const v1::WorkDone& done, uint32_t worker);

  // Gives back what `worker` holds; it becomes pending again, before the rest. Returns how many
  // items.
  int Release(uint32_t worker);

  // Partitions that nobody has.
  size_t Pending() const;
  bool HasPending() const { return Pending() > 0; }
  // An evaluation that is not completed.
  bool HasEvaluation() const;
  // Of the partitions of one epoch.
  struct Totals {
    uint32_t items = 0;
    uint32_t completed = 0;
    // Over the completed ones.
    uint64_t records = 0;
    uint64_t bad_records = 0;

    bool AllDone() const { return completed == items; }
  };
  Totals Of(uint32_t epoch) const;

  const v1::WorkQueueState& state() const { return state_; }

 private:
  template <class Condition>
  void RemoveIf(Condition condition);

  v1::WorkQueueState state_;
};

}  // namespace paramd
