#include "server/coordinator/work_queue.h"

#include <catch2/catch.hpp>
#include <set>

namespace paramd {
namespace {

TEST_CASE("every partition is given once, in the order of the seed") {
  WorkQueue queue;
  queue.Start(100, 0);
  for (uint32_t i = 0; i < 100; ++i) CHECK(queue.Take(1)->partition == i);
  CHECK_FALSE(queue.Take(1).has_value());

  WorkQueue shuffled, again, other;
  shuffled.Start(100, 5);
  again.Start(100, 5);
  other.Start(100, 6);
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
  queue.Start(1, 0);
  const WorkQueue::Grant grant = *queue.Take(1);
  CHECK(grant.attempt == 1);
  CHECK_FALSE(queue.Complete(grant.lease, 2, 10, 0));
  CHECK_FALSE(queue.Complete(grant.lease + 1, 1, 10, 0));
  CHECK(queue.Complete(grant.lease, 1, 10, 3));
  CHECK_FALSE(queue.Complete(grant.lease, 1, 10, 3));
  CHECK(queue.AllDone());
  CHECK(queue.Records() == 10);
  CHECK(queue.BadRecords() == 3);
}

TEST_CASE("what a lost worker held goes to another one as a new attempt") {
  WorkQueue queue;
  queue.Start(3, 0);
  const WorkQueue::Grant first = *queue.Take(1);
  const WorkQueue::Grant second = *queue.Take(1);
  CHECK(queue.Complete(second.lease, 1, 1, 0));
  CHECK(queue.Release(1) == 1);
  const WorkQueue::Grant retry = *queue.Take(2);
  CHECK(retry.partition == first.partition);
  CHECK(retry.attempt == 2);
  CHECK(retry.lease > second.lease);
  // The first attempt comes back from the dead.
  CHECK_FALSE(queue.Complete(first.lease, 1, 1, 0));
  CHECK_FALSE(queue.AllDone());
}

TEST_CASE("leases grow over epochs, and are repeated in their order") {
  WorkQueue queue;
  queue.Start(2, 0);
  const uint64_t before = queue.Take(1)->lease;
  queue.Start(2, 3);
  const WorkQueue::Grant a = *queue.Take(7), b = *queue.Take(7);
  CHECK(a.lease > before);
  REQUIRE(queue.HeldBy(7).size() == 2);
  CHECK(queue.HeldBy(7)[0].lease == a.lease);
  CHECK(queue.HeldBy(7)[1].lease == b.lease);
  CHECK(queue.HeldBy(8).empty());
}

TEST_CASE("a stored queue goes on where it stopped") {
  WorkQueue queue;
  queue.Start(3, 0);
  const WorkQueue::Grant held = *queue.Take(1);
  WorkQueue restored(queue.state());
  CHECK(restored.Complete(held.lease, 1, 5, 0));
  CHECK(restored.Take(2)->lease > held.lease);
}

}  // namespace
}  // namespace paramd
