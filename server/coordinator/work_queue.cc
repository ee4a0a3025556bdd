#include "server/coordinator/work_queue.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/random.h"

namespace paramd {
namespace {

v1::WorkGrant::Kind KindOf(const v1::WorkItem& item) {
  if (item.evaluation()) return v1::WorkGrant::EVALUATE;
  return item.epoch() == 0 ? v1::WorkGrant::MEASURE : v1::WorkGrant::TRAIN;
}

WorkQueue::Grant GrantOf(const v1::WorkItem& item) {
  return {.lease = item.lease(),
          .epoch = item.epoch(),
          .partition = item.partition(),
          .attempt = item.attempts(),
          .kind = KindOf(item)};
}

}  // namespace

void WorkQueue::Add(uint32_t epoch, uint32_t partitions, uint64_t order_seed) {
  std::vector<uint32_t> order(partitions);
  for (uint32_t i = 0; i < partitions; ++i) order[i] = i;
  if (order_seed != 0) {
    // Fisher-Yates (Knuth, The Art of Computer Programming, vol. 2, algorithm 3.4.2P).
    Random random(order_seed);
    for (uint32_t i = partitions; i > 1; --i) std::swap(order[i - 1], order[random.NextBelow(i)]);
  }
  for (const uint32_t partition : order) {
    v1::WorkItem& item = *state_.add_items();
    item.set_epoch(epoch);
    item.set_state(v1::WorkItem::PENDING);
    item.set_partition(partition);
  }
}

void WorkQueue::AddEvaluation(uint32_t epoch) {
  v1::WorkItem& item = *state_.add_items();
  item.set_epoch(epoch);
  item.set_state(v1::WorkItem::PENDING);
  item.set_evaluation(true);
}

void WorkQueue::Remove(uint32_t epoch) {
  RemoveIf(
      [epoch](const v1::WorkItem& item) { return item.epoch() == epoch && !item.evaluation(); });
}

void WorkQueue::RemovePending() {
  RemoveIf([](const v1::WorkItem& item) { return item.state() == v1::WorkItem::PENDING; });
}

template <class Condition>
void WorkQueue::RemoveIf(Condition condition) {
  auto& items = *state_.mutable_items();
  items.erase(std::remove_if(items.begin(), items.end(), condition), items.end());
}

std::optional<WorkQueue::Grant> WorkQueue::Take(uint32_t worker) {
  v1::WorkItem* next = nullptr;
  for (v1::WorkItem& item : *state_.mutable_items()) {
    if (item.state() != v1::WorkItem::PENDING) continue;
    if (next == nullptr || item.evaluation()) next = &item;
  }
  if (next == nullptr) return std::nullopt;
  state_.set_leases(state_.leases() + 1);
  next->set_state(v1::WorkItem::GRANTED);
  next->set_attempts(next->attempts() + 1);
  next->set_lease(state_.leases());
  next->set_worker(worker);
  return GrantOf(*next);
}

std::vector<WorkQueue::Grant> WorkQueue::HeldBy(uint32_t worker) const {
  std::vector<Grant> held;
  for (const v1::WorkItem& item : state_.items()) {
    if (item.state() != v1::WorkItem::GRANTED || item.worker() != worker) continue;
    held.push_back(GrantOf(item));
  }
  // In the order they were given.
  std::sort(held.begin(), held.end(),
            [](const Grant& a, const Grant& b) { return a.lease < b.lease; });
  return held;
}

std::optional<WorkQueue::Grant> WorkQueue::Complete(const v1::WorkDone& done, uint32_t worker) {
  const uint64_t lease = done.lease();
  for (v1::WorkItem& item : *state_.mutable_items()) {
    if (item.state() != v1::WorkItem::GRANTED || item.lease() != lease || item.worker() != worker) {
      continue;
    }
    item.set_state(v1::WorkItem::COMPLETED);
    item.set_records(done.records());
    item.set_bad_records(done.bad_records());
    *item.mutable_columns() = done.columns();
    const Grant grant = GrantOf(item);
    if (grant.kind == v1::WorkGrant::EVALUATE) {
      RemoveIf([lease](const v1::WorkItem& other) { return other.lease() == lease; });
    }
    return grant;
  }
  return std::nullopt;
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

size_t WorkQueue::Pending() const {
  return static_cast<size_t>(
      std::count_if(state_.items().begin(), state_.items().end(), [](const v1::WorkItem& item) {
        return item.state() == v1::WorkItem::PENDING && !item.evaluation();
      }));
}

bool WorkQueue::HasEvaluation() const {
  return std::any_of(state_.items().begin(), state_.items().end(),
                     [](const v1::WorkItem& item) { return item.evaluation(); });
}

WorkQueue::Totals WorkQueue::Of(uint32_t epoch) const {
  Totals totals;
  for (const v1::WorkItem& item : state_.items()) {
    if (item.epoch() != epoch || item.evaluation()) continue;
    ++totals.items;
    totals.completed += item.state() == v1::WorkItem::COMPLETED;
    totals.records += item.records();
    totals.bad_records += item.bad_records();
  }
  return totals;
}

}  // namespace paramd
