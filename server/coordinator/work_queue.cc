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

// `lease`: one of the item's.
WorkQueue::Grant GrantOf(const v1::WorkItem& item, uint64_t lease) {
  return {.lease = lease,
          .epoch = item.epoch(),
          .partition = item.partition(),
          .attempt = item.attempts(),
          .kind = KindOf(item)};
}

void SwapHolders(v1::WorkItem* item) {
  const uint64_t lease = item->lease();
  const uint32_t worker = item->worker();
  item->set_lease(item->other_lease());
  item->set_worker(item->other_worker());
  item->set_other_lease(lease);
  item->set_other_worker(worker);
}

void ForgetOther(v1::WorkItem* item) {
  item->clear_other_lease();
  item->clear_other_worker();
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
  return GrantOf(*next, next->lease());
}

std::optional<WorkQueue::Grant> WorkQueue::TakeAsWell(uint32_t worker,
                                                      absl::FunctionRef<bool(uint32_t)> is_slow) {
  v1::WorkItem* last = nullptr;
  for (v1::WorkItem& item : *state_.mutable_items()) {
    if (item.state() != v1::WorkItem::GRANTED || item.evaluation() || item.epoch() == 0 ||
        item.other_lease() != 0 || item.worker() == worker || !is_slow(item.worker())) {
      continue;
    }
    if (last == nullptr || item.lease() > last->lease()) last = &item;
  }
  if (last == nullptr) return std::nullopt;
  state_.set_leases(state_.leases() + 1);
  last->set_attempts(last->attempts() + 1);
  last->set_other_lease(state_.leases());
  last->set_other_worker(worker);
  return GrantOf(*last, last->other_lease());
}

std::vector<WorkQueue::Grant> WorkQueue::HeldBy(uint32_t worker) const {
  std::vector<Grant> held;
  for (const v1::WorkItem& item : state_.items()) {
    if (item.state() != v1::WorkItem::GRANTED) continue;
    if (item.worker() == worker) held.push_back(GrantOf(item, item.lease()));
    if (item.other_worker() == worker) held.push_back(GrantOf(item, item.other_lease()));
  }
  // In the order they were given.
  std::sort(held.begin(), held.end(),
            [](const Grant& a, const Grant& b) { return a.lease < b.lease; });
  return held;
}

std::optional<WorkQueue::Completion> WorkQueue::Complete(const v1::WorkDone& done,
                                                         uint32_t worker) {
  const uint64_t lease = done.lease();
  for (v1::WorkItem& item : *state_.mutable_items()) {
    if (item.state() != v1::WorkItem::GRANTED) continue;
    if (item.other_lease() == lease && item.other_worker() == worker) SwapHolders(&item);
    if (item.lease() != lease || item.worker() != worker) continue;
    item.set_state(v1::WorkItem::COMPLETED);
    item.set_records(done.records());
    item.set_bad_records(done.bad_records());
    *item.mutable_columns() = done.columns();
    Completion completion = {.grant = GrantOf(item, lease)};
    if (item.other_lease() != 0) {
      completion.revoked = {.lease = item.other_lease(), .worker = item.other_worker()};
    }
    if (completion.grant.kind == v1::WorkGrant::EVALUATE) {
      RemoveIf([lease](const v1::WorkItem& other) { return other.lease() == lease; });
    }
    return completion;
  }
  return std::nullopt;
}

std::vector<uint64_t> WorkQueue::RevokedOf(uint32_t worker) const {
  std::vector<uint64_t> leases;
  for (const v1::WorkItem& item : state_.items()) {
    if (item.state() == v1::WorkItem::COMPLETED && item.other_worker() == worker) {
      leases.push_back(item.other_lease());
    }
  }
  return leases;
}

bool WorkQueue::EndRevoked(uint64_t lease, uint32_t worker) {
  for (v1::WorkItem& item : *state_.mutable_items()) {
    if (item.state() != v1::WorkItem::COMPLETED || item.other_lease() != lease ||
        item.other_worker() != worker) {
      continue;
    }
    ForgetOther(&item);
    return true;
  }
  return false;
}

int WorkQueue::Release(uint32_t worker) {
  int released = 0;
  for (v1::WorkItem& item : *state_.mutable_items()) {
    if (item.other_worker() == worker) ForgetOther(&item);
    if (item.state() != v1::WorkItem::GRANTED || item.worker() != worker) continue;
    if (item.other_lease() != 0) {
      SwapHolders(&item);
      ForgetOther(&item);
      continue;
    }
    item.set_state(v1::WorkItem::PENDING);
    item.clear_lease();
    item.clear_worker();
    ++released;
  }
  return released;
}

std::set<uint32_t> WorkQueue::Trainers() const {
  std::set<uint32_t> workers;
  for (const v1::WorkItem& item : state_.items()) {
    if (item.state() != v1::WorkItem::GRANTED || KindOf(item) != v1::WorkGrant::TRAIN) continue;
    workers.insert(item.worker());
    if (item.other_lease() != 0) workers.insert(item.other_worker());
  }
  return workers;
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
