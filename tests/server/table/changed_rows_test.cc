// Copies of what has changed of a shard since the copy before.
#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>
#include <memory>
#include <set>
#include <vector>

#include "common/base/random.h"
#include "common/routing/shard_of.h"
#include "common/wire/array_floats.h"
#include "server/optimizer/create_optimizer.h"
#include "server/table/changed_blocks.h"
#include "server/table/dense_shard.h"
#include "server/table/sparse_shard.h"

namespace paramd {
namespace {

using MakeShard = std::function<std::unique_ptr<Shard>()>;

std::shared_ptr<const Optimizer> AdaGrad() {
  v1::Optimizer settings;
  settings.set_type(v1::Optimizer::ADAGRAD);
  settings.set_learning_rate(0.1);
  return *CreateOptimizer(settings);
}

MakeShard Sparse(uint32_t dim, const RowRules& rules = {}) {
  return [=] {
    return std::make_unique<SparseShard>(0, 1, dim, Initializer{.seed = 1, .scale = 0.5}, AdaGrad(),
                                         rules);
  };
}

MakeShard Dense(uint64_t begin, uint64_t end, uint32_t dim) {
  return [=] {
    return std::make_unique<DenseShard>(RowRange{begin, end}, dim, Initializer(), AdaGrad());
  };
}

// A shard that clients push to.
class Pushed {
 public:
  explicit Pushed(const MakeShard& make) : shard_(make()) {}

  void PushKeys(const std::set<uint64_t>& keys) {
    const std::vector<uint64_t> sorted(keys.begin(), keys.end());
    Push({.count = sorted.size(), .keys = sorted});
  }
  void PushRows(uint64_t first, uint64_t count) { Push({.count = count, .first_row = first}); }

  Shard& shard() { return *shard_; }

 private:
  void Push(RowSet rows) {
    std::vector<uint64_t> hashes(rows.keys.size());
    REQUIRE(shard_->CheckRows(&rows, hashes.data()).ok());
    const std::vector<float> gradients(rows.count * shard_->dim(), 0.5f);
    ArraySource source(gradients.data());
    ++sequence_;
    REQUIRE(shard_->Push({.client = 1, .sequence = sequence_}, rows, source,
                         {.clock = sequence_}) == PushOutcome::kTaken);
  }

  std::unique_ptr<Shard> shard_;
  uint64_t sequence_ = 0;
};

std::unique_ptr<Shard> Follower(const MakeShard& make) {
  auto shard = make();
  shard->SetServing(false);
  return shard;
}

TEST_CASE("copies of what has changed bring another shard to the same bytes") {
  const int kind = GENERATE(range(0, 7));
  CAPTURE(kind);
  const uint64_t base = 1000;
  const bool dense = kind >= 5;
  const MakeShard make = kind == 0   ? Sparse(1)
                         : kind == 1 ? Sparse(9)
                         : kind == 2 ? Sparse(1, {.ttl = 20})
                         : kind == 3 ? Sparse(4, {.max_rows = 300})
                         : kind == 4
                             ? Sparse(2, {.min_count = 2, .sketch_bytes = 1 << 12, .decay = 0.5})
                         : kind == 5 ? Dense(base, base + 900, 3)
                                     : Dense(base, base + 200'000, 1);
  const uint64_t rows = kind == 6 ? 200'000 : 900;
  Pushed pushed(make);
  const auto follower = Follower(make);
  uint64_t draw = 0;
  const auto random = [&](uint64_t below) { return CounterRandom(7, kind, draw++) % below; };
  uint64_t since = 0;
  int added = 0;
  for (int copy = 0; copy < 40; ++copy) {
    for (uint64_t pushes = random(4); pushes > 0; --pushes) {
      if (dense) {
        const uint64_t first = random(rows);
        pushed.PushRows(base + first, random(std::min<uint64_t>(rows - first, 50) + 1));
      } else {
        std::set<uint64_t> keys;
        for (int i = 0; i < 40; ++i) keys.insert(random(rows));
        pushed.PushKeys(keys);
      }
    }
    // One that never becomes a checkpoint.
    if (random(3) == 0) pushed.shard().StateSince(random(2) == 0 ? since : 0);
    const ShardState state = pushed.shard().StateSince(since);
    CHECK((state.since == since || state.since == 0));
    added += state.since > 0;
    REQUIRE(follower->Restore(state));
    CHECK(follower->ReplicaDigest() == pushed.shard().ReplicaDigest());
    since = state.index;
  }
  CHECK(added > 20);
}

TEST_CASE("a copy has the rows that have changed") {
  Pushed pushed(Sparse(2));
  std::set<uint64_t> all;
  for (uint64_t key = 0; key < 20'000; ++key) all.insert(key);
  pushed.PushKeys(all);
  const ShardState whole = pushed.shard().StateSince(0);
  CHECK(whole.keys.size() == 20'000);
  const ShardState none = pushed.shard().StateSince(whole.index);
  CHECK(none.since == whole.index);
  CHECK(none.keys.empty());
  pushed.PushKeys({3, 500, 77});
  const ShardState some = pushed.shard().StateSince(whole.index);
  CHECK(std::set<uint64_t>({3, 77, 500}).size() <= some.keys.size());
  // Others of their blocks.
  CHECK(some.keys.size() <= 12);
  for (const uint64_t key : {3, 77, 500}) {
    CHECK(std::count(some.keys.begin(), some.keys.end(), key) == 1);
  }

  Pushed rows(Dense(10, 10 + 3 * ChangedBlocks::kBlocks, 1));
  CHECK(rows.shard().StateSince(0).values.size() == 2 * 3 * ChangedBlocks::kBlocks);
  rows.PushRows(12, 2);
  CHECK(rows.shard().StateSince(0).since == 0);
  const uint64_t index = rows.shard().index();
  rows.PushRows(15, 2);
  const ShardState of_rows = rows.shard().StateSince(index);
  CHECK(of_rows.since == index);
  // Rows 13 to 15 and 16 to 18, with a slot each.
  CHECK(of_rows.values.size() == 2 * 6);
}

TEST_CASE("where what has changed is not known a copy is whole") {
  Pushed pushed(Sparse(1));
  pushed.PushKeys({1, 2, 3});
  CHECK(pushed.shard().StateSince(1).since == 0);
  pushed.PushKeys({1});
  CHECK(pushed.shard().StateSince(1).since == 1);
  pushed.PushKeys({2});
  // Copies were made at operations 1 and 2, none at 3.
  CHECK(pushed.shard().StateSince(2).since == 2);
  pushed.PushKeys({2});
  // Of those before 2 nothing is known any more.
  const ShardState whole = pushed.shard().StateSince(1);
  CHECK(whole.since == 0);
  CHECK(whole.keys.size() == 3);
  SECTION("since another shard's state was taken over") {
    const ShardState state = pushed.shard().State();
    pushed.shard().SetServing(false);
    REQUIRE(pushed.shard().Restore(state));
    CHECK(pushed.shard().StateSince(state.index).since == 0);
  }
}

TEST_CASE("a copy is whole when nearly all rows have changed") {
  Pushed pushed(Sparse(2));
  std::set<uint64_t> all, most;
  for (uint64_t key = 0; key < 20'000; ++key) {
    all.insert(key);
    if (key % 50 != 0) most.insert(key);
  }
  pushed.PushKeys(all);
  const uint64_t since = pushed.shard().StateSince(0).index;
  pushed.PushKeys(most);
  const ShardState state = pushed.shard().StateSince(since);
  CHECK(state.since == 0);
  CHECK(state.blocks.empty());
  CHECK(state.keys.size() == 20'000);
}

TEST_CASE("many copies that became no checkpoint leave the one before them known") {
  Pushed pushed(Sparse(1));
  pushed.PushKeys({1, 2, 3});
  const ShardState first = pushed.shard().StateSince(0);
  const auto follower = Follower(Sparse(1));
  REQUIRE(follower->Restore(first));
  for (uint64_t i = 0; i < 10; ++i) {
    pushed.PushKeys({100 + i});
    pushed.shard().StateSince(first.index);
  }
  const ShardState state = pushed.shard().StateSince(first.index);
  CHECK(state.since == first.index);
  REQUIRE(follower->Restore(state));
  CHECK(follower->ReplicaDigest() == pushed.shard().ReplicaDigest());
}

TEST_CASE("what has changed is taken over by a shard that stands there, of the same shape") {
  Pushed pushed(Dense(0, 100, 1));
  pushed.PushRows(0, 5);
  const ShardState whole = pushed.shard().StateSince(0);
  pushed.PushRows(7, 5);
  const ShardState changed = pushed.shard().StateSince(whole.index);
  const auto follower = Follower(Dense(0, 100, 1));
  const uint64_t digest = follower->Digest();
  CHECK_FALSE(follower->Restore(changed));
  REQUIRE(follower->Restore(whole));
  ShardState wrong = changed;
  wrong.blocks.back() = 100;
  CHECK_FALSE(follower->Restore(wrong));
  wrong.blocks.back() = ChangedBlocks::kBlocks;
  CHECK_FALSE(follower->Restore(wrong));
  wrong = changed;
  wrong.values.pop_back();
  CHECK_FALSE(follower->Restore(wrong));
  wrong = changed;
  std::swap(wrong.blocks.front(), wrong.blocks.back());
  CHECK_FALSE(follower->Restore(wrong));
  CHECK(follower->index() == whole.index);
  CHECK(follower->Digest() != digest);
  REQUIRE(follower->Restore(changed));
  CHECK(follower->ReplicaDigest() == pushed.shard().ReplicaDigest());
}

}  // namespace
}  // namespace paramd
