#include "server/coordinator/checkpoint_round.h"

#include <catch2/catch.hpp>

namespace paramd {
namespace {

// Two shards on two servers, and an epoch of three partitions: the first is done, the second under
// way at worker 7.
v1::CoordinatorState SomeState() {
  v1::CoordinatorState state;
  state.set_state(v1::RUNNING);
  state.set_epoch(1);
  v1::TablePlacement& table = *state.mutable_shard_map()->add_tables();
  table.add_shard_servers(1);
  table.add_shard_servers(2);
  for (uint32_t partition = 0; partition < 3; ++partition) {
    v1::WorkItem& item = *state.mutable_work()->add_items();
    item.set_epoch(1);
    item.set_partition(partition);
    item.set_state(v1::WorkItem::PENDING);
  }
  state.mutable_work()->mutable_items(0)->set_state(v1::WorkItem::COMPLETED);
  state.mutable_work()->mutable_items(1)->set_state(v1::WorkItem::GRANTED);
  state.mutable_work()->mutable_items(1)->set_lease(5);
  state.mutable_work()->mutable_items(1)->set_worker(7);
  return state;
}

v1::CheckpointWritten Written(uint32_t shard, uint64_t step, uint64_t clock) {
  v1::CheckpointWritten written;
  v1::CheckpointFile& file = *written.add_files();
  file.set_name("file");
  file.add_shards()->set_shard(shard);
  written.set_step(step);
  written.set_clock(clock);
  return written;
}

v1::LeasePosition Position(uint64_t lease, uint64_t batches, uint64_t clock) {
  v1::LeasePosition position;
  position.set_lease(lease);
  position.set_batches(batches);
  position.set_clock(clock);
  return position;
}

v1::WorkDone Done(const v1::LeasePosition& position) {
  v1::WorkDone done;
  done.set_lease(position.lease());
  done.set_records(100);
  *done.mutable_position() = position;
  return done;
}

v1::MemberRecord Worker(uint32_t id) {
  v1::MemberRecord worker;
  worker.set_id(id);
  worker.set_incarnation(70 + id);
  return worker;
}

// As text, for comparing.
std::string PositionsOf(const v1::CheckpointPayload& payload) {
  std::string text;
  for (const v1::PartitionPosition& position : payload.state().positions()) {
    text += std::to_string(position.epoch()) + "/" + std::to_string(position.partition()) + ":" +
            std::to_string(position.batches()) + "@" + std::to_string(position.clock()) + " of " +
            std::to_string(position.client()) + "; ";
  }
  return text;
}

TEST_CASE("partitions are as far as they were before the first shard was copied") {
  LeasePositions leases;
  leases.Grant({.lease = 5, .epoch = 1, .partition = 1}, Worker(7), 0);
  leases.Report(7, Position(5, 10, 110));
  CheckpointRound round(SomeState(), leases, 0, absl::ZeroDuration());
  // Meanwhile it goes on, ends, and the next one and one of the next epoch begin.
  leases.Report(7, Position(5, 14, 114));
  leases.Complete(Done(Position(5, 20, 120)));
  leases.Grant({.lease = 6, .epoch = 1, .partition = 2}, Worker(7), 0);
  leases.Report(7, Position(6, 3, 123));
  leases.Grant({.lease = 7, .epoch = 2, .partition = 0}, Worker(8), 0);
  leases.Report(8, Position(7, 1, 90));
  leases.Grant({.lease = 8, .epoch = 2, .partition = 1}, Worker(8), 0);  // not begun
  round.Take(1, Written(0, 0, 118));
  CHECK_FALSE(round.AllWritten());
  round.Take(2, Written(1, 0, 122));
  REQUIRE(round.AllWritten());
  CHECK(round.CheckFiles(SomeState().shard_map()).ok());
  const auto payload = round.Payload(leases, false);
  REQUIRE(payload.ok());
  CHECK(PositionsOf(*payload) == "1/1:10@110 of 7; 1/2:0@120 of 7; 2/0:0@89 of 8; ");
  CHECK(payload->state().work().items(0).state() == v1::WorkItem::COMPLETED);
  CHECK(payload->state().work().items(1).state() == v1::WorkItem::PENDING);
  CHECK(payload->state().work().items(1).lease() == 0);
  CHECK(payload->clock() == 123);
  // In stripes the next epoch is cut anew.
  CHECK(absl::IsAborted(round.Payload(leases, true).status()));
}

TEST_CASE("where all tables are synchronous they are as far as the step is") {
  LeasePositions leases;
  leases.Grant({.lease = 5, .epoch = 1, .partition = 1}, Worker(7), 0);
  leases.Report(7, Position(5, 10, 110));
  CheckpointRound round(SomeState(), leases, 115, absl::ZeroDuration());
  leases.Grant({.lease = 6, .epoch = 1, .partition = 2}, Worker(8), 0);
  round.Take(1, Written(0, 115, 114));
  round.Take(2, Written(1, 115, 114));
  REQUIRE(round.CheckFiles(SomeState().shard_map()).ok());
  SECTION("in the middle") {
    leases.Report(7, Position(5, 18, 118));
    leases.Report(8, Position(6, 2, 117));  // began at 115
    CHECK(PositionsOf(*round.Payload(leases, true)) == "1/1:15@115 of 7; ");
  }
  SECTION("behind the end") {
    leases.Complete(Done(Position(5, 12, 112)));
    const auto payload = round.Payload(leases, true);
    CHECK(PositionsOf(*payload).empty());
    CHECK(payload->state().work().items(1).state() == v1::WorkItem::COMPLETED);
    CHECK(payload->state().work().items(1).records() == 100);
    CHECK(payload->clock() == 115);
  }
}

TEST_CASE("files of other steps, and of shards that went elsewhere, are no checkpoint") {
  const v1::CoordinatorState state = SomeState();
  CheckpointRound round(state, {}, 115, absl::ZeroDuration());
  CHECK(round.Wants(1));
  CHECK_FALSE(round.Wants(3));
  round.Take(1, Written(0, 115, 0));
  round.Take(2, Written(1, 116, 0));
  CHECK(absl::IsAborted(round.CheckFiles(state.shard_map())));
  CheckpointRound other(state, {}, 0, absl::ZeroDuration());
  other.Take(1, Written(0, 0, 0));
  other.Take(2, Written(1, 0, 0));
  v1::ShardMap map = state.shard_map();
  CHECK(other.CheckFiles(map).ok());
  map.mutable_tables(0)->set_shard_servers(0, 2);
  CHECK(absl::IsAborted(other.CheckFiles(map)));
}

TEST_CASE("a partition of a restored job that nobody has begun stays where it was") {
  v1::CoordinatorState state = SomeState();
  v1::PartitionPosition& before = *state.add_positions();
  before.set_epoch(1);
  before.set_partition(1);
  before.set_batches(8);
  before.set_clock(50);
  before.set_client(3);
  LeasePositions leases;
  leases.Grant({.lease = 5, .epoch = 1, .partition = 1}, Worker(7), 8);
  CheckpointRound round(state, leases, 0, absl::ZeroDuration());
  CHECK(PositionsOf(*round.Payload(leases, false)) == "1/1:8@50 of 3; ");
  // Begun: batch 8 was step 200 of the new worker.
  leases.Report(7, Position(5, 10, 202));
  CHECK(PositionsOf(*round.Payload(leases, false)) == "1/1:8@200 of 7; ");
}

TEST_CASE("a job begins with a checkpoint without servers and workers") {
  v1::CheckpointPayload payload;
  *payload.mutable_state() = SomeState();
  payload.set_clock(123);
  const v1::CoordinatorState state = RestoredState(payload, 9);
  CHECK(state.state() == v1::CREATED);
  CHECK(state.restored_from() == 9);
  CHECK(state.shard_map().clock() == 123);
  CHECK(state.shard_map().tables(0).shard_servers(1) == 0);
  REQUIRE(state.shard_map().tables(0).loads_size() == 2);
  CHECK(state.shard_map().tables(0).loads(1).shard() == 1);
  CHECK(state.shard_map().tables(0).loads(1).checkpoint() == 9);
}

}  // namespace
}  // namespace paramd
