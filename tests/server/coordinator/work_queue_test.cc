#include "server/coordinator/work_queue.h"

#include <catch2/catch.hpp>
#include <set>

namespace paramd {
namespace {

v1::WorkDone Done(uint64_t lease, uint64_t records, uint64_t bad_records) {
  v1::WorkDone done;
  done.set_lease(lease);
  done.set_records(records);
  done.set_bad_records(bad_records);
  return done;
}

TEST_CASE("every partition is given once, in the order of the seed") {
  WorkQueue queue;
  queue.Add(1, 100, 0);
  for (uint32_t i = 0; i < 100; ++i) CHECK(queue.Take(1)->partition == i);
  CHECK_FALSE(queue.Take(1).has_value());

  WorkQueue shuffled, again, other;
  shuffled.Add(1, 100, 5);
  again.Add(1, 100, 5);
  other.Add(1, 100, 6);
  std::set<uint32_t> seen;
  bool differs = false;
  for (uint32_t i = 0; i < 100; ++i) {
    const uint32_t partition = shuffled.Take(1)->partition;
    seen.insert(partition);
    CHECK(again.Take(1)->partition == partition);
    differs |= other.Take(1)->partition != partition;
  }
  CHECK(seen.size() == 100);
  CHECK(differs);
}

TEST_CASE("a completion is accepted once, and only from the holder of the lease") {
  WorkQueue queue;
  queue.Add(1, 1, 0);
  const WorkQueue::Grant grant = *queue.Take(1);
  CHECK(grant.attempt == 1);
  CHECK_FALSE(queue.Complete(Done(grant.lease, 10, 0), 2));
  CHECK_FALSE(queue.Complete(Done(grant.lease + 1, 10, 0), 1));
  CHECK(queue.Complete(Done(grant.lease, 10, 3), 1));
  CHECK_FALSE(queue.Complete(Done(grant.lease, 10, 3), 1));
  CHECK(queue.Of(1).AllDone());
  CHECK(queue.Of(1).records == 10);
  CHECK(queue.Of(1).bad_records == 3);
}

TEST_CASE("what a lost worker held goes to another one as a new attempt") {
  WorkQueue queue;
  queue.Add(1, 3, 0);
  const WorkQueue::Grant first = *queue.Take(1);
  const WorkQueue::Grant second = *queue.Take(1);
  CHECK(queue.Complete(Done(second.lease, 1, 0), 1));
  CHECK(queue.Release(1) == 1);
  const WorkQueue::Grant retry = *queue.Take(2);
  CHECK(retry.partition == first.partition);
  CHECK(retry.attempt == 2);
  CHECK(retry.lease > second.lease);
  // The first attempt comes back from the dead.
  CHECK_FALSE(queue.Complete(Done(first.lease, 1, 0), 1));
  CHECK_FALSE(queue.Of(1).AllDone());
}

TEST_CASE("leases grow over epochs, and are repeated in their order") {
  WorkQueue queue;
  queue.Add(1, 2, 0);
  const uint64_t before = queue.Take(1)->lease;
  queue.Remove(1);
  queue.Add(2, 2, 3);
  const WorkQueue::Grant a = *queue.Take(7), b = *queue.Take(7);
  CHECK(a.lease > before);
  REQUIRE(queue.HeldBy(7).size() == 2);
  CHECK(queue.HeldBy(7)[0].lease == a.lease);
  CHECK(queue.HeldBy(7)[1].lease == b.lease);
  CHECK(queue.HeldBy(8).empty());
}

TEST_CASE("an epoch is begun behind the one before it, and each is counted for itself") {
  WorkQueue queue;
  queue.Add(1, 2, 0);
  queue.Add(2, 1, 0);
  const WorkQueue::Grant slow = *queue.Take(1);
  CHECK(queue.Take(2)->epoch == 1);
  const WorkQueue::Grant ahead = *queue.Take(2);
  CHECK(ahead.epoch == 2);
  CHECK_FALSE(queue.HasPending());
  CHECK(queue.Complete(Done(ahead.lease, 7, 1), 2));
  CHECK(queue.Of(2).AllDone());
  CHECK(queue.Of(1).completed == 0);
  CHECK(queue.Of(1).records == 0);
  // What is given back of the older epoch comes first.
  queue.Add(2, 1, 0);
  queue.Release(1);
  CHECK(queue.Take(3)->epoch == slow.epoch);
  queue.Remove(1);
  CHECK(queue.Of(1).items == 0);
  CHECK(queue.Of(2).items == 2);
}

TEST_CASE("a second worker does what a slow one does, and the first completion counts") {
  WorkQueue queue;
  queue.Add(1, 3, 0);
  const auto slow = [](uint32_t worker) { return worker == 1; };
  const auto nobody = [](uint32_t) { return false; };
  const WorkQueue::Grant begun = *queue.Take(1), waiting = *queue.Take(1), other = *queue.Take(2);
  CHECK_FALSE(queue.TakeAsWell(2, nobody).has_value());
  CHECK_FALSE(queue.TakeAsWell(1, slow).has_value());
  const WorkQueue::Grant second = *queue.TakeAsWell(2, slow);
  CHECK(second.partition == waiting.partition);
  CHECK(second.attempt == 2);
  CHECK(second.lease > other.lease);
  CHECK(queue.TakeAsWell(3, slow)->partition == begun.partition);
  CHECK_FALSE(queue.TakeAsWell(4, slow).has_value());
  CHECK(queue.HeldBy(2).size() == 2);
  SECTION("the second one is first") {
    const auto completion = queue.Complete(Done(second.lease, 9, 0), 2);
    REQUIRE(completion.has_value());
    CHECK(completion->grant.lease == second.lease);
    REQUIRE(completion->revoked.has_value());
    CHECK(completion->revoked->lease == waiting.lease);
    CHECK(completion->revoked->worker == 1);
    CHECK(queue.RevokedOf(1) == std::vector<uint64_t>{waiting.lease});
    CHECK(queue.HeldBy(1).size() == 1);
    CHECK_FALSE(queue.Complete(Done(waiting.lease, 5, 0), 1).has_value());
    CHECK(queue.Of(1).records == 9);
    CHECK_FALSE(queue.EndRevoked(waiting.lease, 2));
    CHECK(queue.EndRevoked(waiting.lease, 1));
    CHECK_FALSE(queue.EndRevoked(waiting.lease, 1));
    CHECK(queue.RevokedOf(1).empty());
  }
  SECTION("a stored queue knows both") {
    WorkQueue restored(queue.state());
    CHECK(restored.Complete(Done(waiting.lease, 5, 0), 1)->revoked->lease == second.lease);
    CHECK(restored.RevokedOf(2) == std::vector<uint64_t>{second.lease});
  }
  SECTION("either is lost") {
    const uint32_t lost = GENERATE(1, 2);
    // What two do, one goes on with.
    CHECK(queue.Release(lost) == (lost == 1 ? 0 : 1));
    CHECK(queue.Complete(Done(lost == 1 ? second.lease : waiting.lease, 1, 0), 3 - lost));
    CHECK(queue.RevokedOf(lost).empty());
  }
}

TEST_CASE("a stored queue goes on where it stopped") {
  WorkQueue queue;
  queue.Add(1, 3, 0);
  const WorkQueue::Grant held = *queue.Take(1);
  WorkQueue restored(queue.state());
  CHECK(restored.Complete(Done(held.lease, 5, 0), 1));
  CHECK(restored.Take(2)->lease > held.lease);
}

}  // namespace
}  // namespace paramd
