#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "absl/functional/function_ref.h"
#include "paramd/v1/coordinator.pb.h"

namespace paramd {

// The work of the epochs under way, and of an evaluation: each item is done by one worker at a
// time, or by two of which the first counts; its completion is accepted once. Pure: knows neither
// time nor network; the coordinator says when a worker's lease is over. Not thread-safe.
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

  // A partition that one worker does who `is_slow`, for `worker` to do as well: the one that was
  // granted last, which is the least done. None: there is none that no second one does.
  std::optional<Grant> TakeAsWell(uint32_t worker, absl::FunctionRef<bool(uint32_t)> is_slow);

  // What `worker` holds now, for repeating grants after a reconnect.
  std::vector<Grant> HeldBy(uint32_t worker) const;

  // An attempt at an item that counts no longer: its worker has not ended it yet.
  struct Revoked {
    uint64_t lease = 0;
    uint32_t worker = 0;
  };
  struct Completion {
    Grant grant;
    std::optional<Revoked> revoked;
  };
  // What is completed, if the completion counts: its lease is held by `worker`. A lease that was
  // given back, completed or revoked does not.
  std::optional<Completion> Complete(const v1::WorkDone& done, uint32_t worker);

  // The leases of `worker` that were revoked.
  std::vector<uint64_t> RevokedOf(uint32_t worker) const;
  // `worker` has ended a lease that was revoked; false: that one was not.
  bool EndRevoked(uint64_t lease, uint32_t worker);

  // Gives back what `worker` holds. An item that nobody else does becomes pending again, before the
  // rest; returns how many.
  int Release(uint32_t worker);

  // Workers that train on partitions.
  std::set<uint32_t> Trainers() const;

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
