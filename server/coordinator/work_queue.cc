#include "server/coordinator/work_queue.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/random.h"

namespace paramd {

void WorkQueue::Start(uint32_t partitions, uint64_t order_seed) {
  std::vector<uint32_t> order(partitions);
  for (uint32_t i = 0; i < partitions; ++i) order[i] = i;
  if (order_seed != 0) {
    // Fisher-Yates (Knuth, The Art of Computer Programming, vol. 2, algorithm 3.4.2P).
    Random random(order_seed);
    for (uint32_t i = partitions; i > 1; --i) std::swap(order[i - 1], order[random.NextBelow(i)]);
  }
  state_.clear_items();
  for (const uint32_t partition : order) {
    v1::WorkItem& item = *state_.add_items();
    item.set_state(v1::WorkItem::PENDING);
    item.set_partition(partition);
  }
}

std::optional<WorkQueue::Grant> WorkQueue::Take(uint32_t worker) {
  for (v1::WorkItem& item : *state_.mutable_items()) {
    if (item.state() != v1::WorkItem::PENDING) continue;
    state_.set_leases(state_.leases() + 1);
    item.set_state(v1::WorkItem::GRANTED);
    item.set_attempts(item.attempts() + 1);
    item.set_lease(state_.leases());
    item.set_worker(worker);
    return Grant{.lease = item.lease(), .partition = item.partition(), .attempt = item.attempts()};
  }
  return std::nullopt;
}

std::vector<WorkQueue::Grant> WorkQueue::HeldBy(uint32_t worker) const {
  std::vector<Grant> held;
  for (const v1::WorkItem& item : state_.items()) {
    if (item.state() != v1::WorkItem::GRANTED || item.worker() != worker) continue;
    held.push_back(
        {.lease = item.lease(), .partition = item.partition(), .attempt = item.attempts()});
  }
  // In the order they were given.
  std::sort(held.begin(), held.end(),
            [](const Grant& a, const Grant& b) { return a.lease < b.lease; });
  return held;
}

bool WorkQueue::Complete(uint64_t lease, uint32_t worker, uint64_t records, uint64_t bad_records) {
  for (v1::WorkItem& item : *state_.mutable_items()) {
    if (item.state() != v1::WorkItem::GRANTED || item.lease() != lease || item.worker() != worker) {
      continue;
    }
    item.set_state(v1::WorkItem::COMPLETED);
    item.set_records(records);
    item.set_bad_records(bad_records);
    return true;
  }
  return false;
}

int WorkQueue::Release(uint32_t worker) {
  int released = 0;
  for (v1::WorkItem& item : *state_.mutable_items()) {
    if (item.state() != v1::WorkItem::GRANTED || item.worker() != worker) continue;
    item.set_state(v1::WorkItem::PENDING);
    item.clear_lease();
    item.clear_worker();
    ++released;
  }
  return released;
}

bool WorkQueue::AllDone() const {
  return Count(v1::WorkItem::COMPLETED) == static_cast<uint64_t>(state_.items_size());
}

bool WorkQueue::HasPending() const { return Count(v1::WorkItem::PENDING) > 0; }

uint64_t WorkQueue::Count(v1::WorkItem::State state) const {
  uint64_t count = 0;
  for (const v1::WorkItem& item : state_.items()) count += item.state() == state;
  return count;
}

uint64_t WorkQueue::Records() const {
  uint64_t records = 0;
  for (const v1::WorkItem& item : state_.items()) records += item.records();
  return records;
}

uint64_t WorkQueue::BadRecords() const {
  uint64_t records = 0;
  for (const v1::WorkItem& item : state_.items()) records += item.bad_records();
  return records;
}

}  // namespace paramd
