// Sparse shards whose keys do not all have a row, or not for ever.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <memory>
#include <set>
#include <vector>

#include "common/base/random.h"
#include "common/wire/array_floats.h"
#include "server/optimizer/create_optimizer.h"
#include "server/table/sparse_shard.h"

namespace paramd {
namespace {

// Plain gradient descent with rate 1, of rows of `dim` that begin at random.
class Pushed {
 public:
  explicit Pushed(const RowRules& rules, uint32_t dim = 2) : dim_(dim) {
    v1::Optimizer settings;
    settings.set_type(v1::Optimizer::SGD);
    settings.set_learning_rate(1);
    const Initializer initializer = {.seed = 1, .table = 2, .scale = 0.5};
    shard_ =
        std::make_unique<SparseShard>(0, 1, dim, initializer, *CreateOptimizer(settings), rules);
    initial_ = std::make_unique<SparseShard>(0, 1, dim, initializer, *CreateOptimizer(settings));
  }

  // A gradient of -1 for every parameter of the keys.
  void Push(std::vector<uint64_t> keys, uint64_t clock) {
    std::sort(keys.begin(), keys.end());
    std::vector<uint64_t> hashes(keys.size());
    RowSet rows = {.count = keys.size(), .keys = keys};
    REQUIRE(shard_->CheckRows(&rows, hashes.data()).ok());
    const std::vector<float> gradients(keys.size() * dim_, -1.0f);
    ArraySource source(gradients.data());
    shard_->Push({.client = 1, .sequence = ++sequence_}, rows, source, {.clock = clock});
  }

  // By how much the key's parameters, which all are the same way from where they began, differ.
  float Change(uint64_t key) const {
    const std::vector<float> now = Pull(*shard_, key), before = Pull(*initial_, key);
    for (uint32_t i = 1; i < dim_; ++i) {
      REQUIRE(now[i] - before[i] == Approx(now[0] - before[0]).margin(1e-4));
    }
    return now[0] - before[0];
  }
  float First(uint64_t key) const { return Pull(*shard_, key)[0]; }

  Shard& shard() { return *shard_; }

 private:
  std::vector<float> Pull(const Shard& shard, uint64_t key) const {
    uint64_t hash = 0;
    RowSet rows = {.count = 1, .keys = {&key, 1}};
    REQUIRE(shard.CheckRows(&rows, &hash).ok());
    std::vector<float> values(dim_);
    ArraySink sink(values.data());
    shard.Pull(rows, sink);
    return values;
  }

  const uint32_t dim_;
  std::unique_ptr<Shard> shard_, initial_;
  uint64_t sequence_ = 0;
};

TEST_CASE("before it is admitted a key has its initial values, and gradients do nothing") {
  const uint32_t dim = GENERATE(1, 2, 40, 5000);
  Pushed pushed({.min_count = 3, .sketch_bytes = 1 << 16}, dim);
  pushed.Push({1, 2}, 0);
  pushed.Push({2, 3}, 1);
  pushed.Push({2, 5}, 2);
  pushed.Push({2}, 3);
  CHECK(pushed.Change(1) == 0);
  CHECK(pushed.Change(3) == 0);
  // The third and the fourth push count.
  CHECK(pushed.Change(2) == Approx(2));
  CHECK(pushed.shard().Size().rows == 1);
}

TEST_CASE("a row that is removed begins again") {
  Pushed pushed({.ttl = 5});
  pushed.Push({1, 2}, 0);
  for (uint64_t clock = 1; clock < 20; ++clock) pushed.Push({1}, clock);
  CHECK(pushed.Change(1) == Approx(20));
  CHECK(pushed.Change(2) == 0);
  pushed.Push({2}, 20);
  CHECK(pushed.Change(2) == Approx(1));
}

TEST_CASE("pushes of more keys than there may be rows") {
  const uint32_t dim = GENERATE(1, 3, 40);
  Pushed pushed({.max_rows = 100}, dim);
  Random random(5);
  for (uint64_t clock = 0; clock < 50; ++clock) {
    std::set<uint64_t> keys;
    while (keys.size() < 1000) keys.insert(random.NextBelow(5000));
    pushed.Push({keys.begin(), keys.end()}, clock);
    REQUIRE(pushed.shard().Size().rows <= 100);
  }
  CHECK(pushed.shard().Size().rows == 100);
  // Every row that there is has been pushed to as often as it was since it is there.
  size_t rows = 0;
  for (uint64_t key = 0; key < 5000; ++key) {
    const float change = pushed.Change(key);
    rows += change > 0.5f;
    CHECK(change == Approx(std::round(change)).margin(1e-4));
  }
  CHECK(rows == 100);
}

TEST_CASE("parameters fade for pulls, pushes and snapshots") {
  Pushed pushed({.decay = 0.5, .decay_every = 10});
  pushed.Push({7}, 0);
  const float first = pushed.First(7);
  pushed.Push({8}, 10);
  CHECK(pushed.First(7) == first / 2);
  CHECK(pushed.shard().Snapshot().values[0] == first / 2);
  pushed.Push({7}, 25);
  CHECK(pushed.First(7) == Approx(first / 4 + 1));
}

TEST_CASE("rules are a part of the state: equal pushes, equal digests") {
  const RowRules rules = {
      .min_count = 2, .sketch_bytes = 4096, .ttl = 9, .max_rows = 300, .decay = 0.9};
  Pushed a(rules), b(rules);
  Random random(6);
  for (uint64_t clock = 0; clock < 200; ++clock) {
    std::set<uint64_t> keys;
    while (keys.size() < 50) keys.insert(random.NextBelow(800));
    a.Push({keys.begin(), keys.end()}, clock);
    b.Push({keys.begin(), keys.end()}, clock);
  }
  CHECK(a.shard().Digest() == b.shard().Digest());
  b.Push({1'000'000}, 200);
  CHECK(a.shard().Digest() != b.shard().Digest());
}

}  // namespace
}  // namespace paramd
