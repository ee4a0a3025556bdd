// Shards with gradients that come in pieces at any alignment, and rows longer than a piece.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <memory>
#include <vector>

#include "common/base/random.h"
#include "common/routing/shard_of.h"
#include "common/wire/array_floats.h"
#include "common/wire/floats.h"
#include "server/optimizer/create_optimizer.h"
#include "server/table/dense_shard.h"
#include "server/table/sparse_shard.h"

namespace paramd {
namespace {

// Values that arrive in pieces of random size, each at an odd address. Tells how many were taken.
class PiecewiseSource final : public FloatSource {
 public:
  explicit PiecewiseSource(std::vector<float> values) : values_(std::move(values)) {}

  FloatRun Next(size_t max) override {
    const size_t size = 1 + random_.NextBelow(std::min(max, size_t{100}));
    return {.data = Exactly(size), .size = size};
  }

  const void* Exactly(size_t size) override {
    REQUIRE(size <= kMaxRun);
    REQUIRE(taken_ + size <= values_.size());
    piece_.assign(size * sizeof(float) + 1, 0);
    std::memcpy(piece_.data() + 1, values_.data() + taken_, size * sizeof(float));
    taken_ += size;
    return piece_.data() + 1;
  }

  void Read(size_t size, float* out) override {
    REQUIRE(taken_ + size <= values_.size());
    std::copy_n(values_.begin() + static_cast<std::ptrdiff_t>(taken_), size, out);
    taken_ += size;
  }

  size_t taken() const { return taken_; }

 private:
  const std::vector<float> values_;
  Random random_{3};
  std::vector<uint8_t> piece_;
  size_t taken_ = 0;
};

// Checks that no more is asked for than a sink has to give.
class CheckedSink final : public FloatSink {
 public:
  float* Next(size_t size) override {
    REQUIRE(size <= kMaxRun);
    values_.resize(values_.size() + 1);
    values_.back().resize(size, -99);
    return values_.back().data();
  }

  void Write(const float* values, size_t size) override {
    values_.emplace_back(values, values + size);
  }

  std::vector<float> values() const {
    std::vector<float> all;
    for (const auto& piece : values_) all.insert(all.end(), piece.begin(), piece.end());
    return all;
  }

 private:
  std::vector<std::vector<float>> values_;
};

std::shared_ptr<const Optimizer> Adagrad() {
  v1::Optimizer settings;
  settings.set_type(v1::Optimizer::ADAGRAD);
  settings.set_learning_rate(0.5);
  settings.set_l2(0.01);
  return *CreateOptimizer(settings);
}

std::vector<float> RandomValues(size_t size) {
  std::vector<float> values(size);
  Random random(9);
  for (float& value : values) value = static_cast<float>(random.NextUnit() - 0.5);
  return values;
}

// Pushes the rows from pieces to one shard and from an array to another: both answer the same.
void ComparePiecesAndArray(Shard& pieces, Shard& array, RowSet rows) {
  std::vector<uint64_t> hashes(rows.keys.size());
  REQUIRE(pieces.CheckRows(&rows, hashes.data()).ok());
  const std::vector<float> gradients = RandomValues(rows.count * pieces.dim());
  for (uint64_t sequence = 1; sequence <= 2; ++sequence) {
    PiecewiseSource in_pieces(gradients);
    CHECK(pieces.Push({1, 1, sequence}, rows, in_pieces) == PushOutcome::kTaken);
    CHECK(in_pieces.taken() == gradients.size());
    ArraySource in_one(gradients.data());
    CHECK(array.Push({1, 1, sequence}, rows, in_one) == PushOutcome::kTaken);
  }
  CHECK(pieces.Digest() == array.Digest());
  std::vector<float> expected(gradients.size());
  ArraySink to_array(expected.data());
  array.Pull(rows, to_array);
  CheckedSink to_pieces;
  pieces.Pull(rows, to_pieces);
  CHECK((to_pieces.values() == expected));
  CHECK(expected[0] != 0);
  CHECK(expected.back() != 0);
}

TEST_CASE("sparse rows of any length come and go in pieces") {
  const auto [dim, count] = GENERATE(table<uint32_t, size_t>(
      {{1, 3}, {1, 5000}, {3, 2000}, {100, 90}, {4096, 3}, {4097, 3}, {65536, 2}}));
  const Initializer initializer = {.seed = 1, .table = 2, .scale = 0.25};
  std::vector<uint64_t> keys;
  for (uint64_t key = 0; keys.size() < count; ++key) {
    if (ShardOfKey(key, 3) == 1) keys.push_back(key);
  }
  SparseShard pieces(1, 3, dim, initializer, Adagrad()), array(1, 3, dim, initializer, Adagrad());
  std::vector<float> initial(dim);
  initializer.Fill(keys[0], absl::MakeSpan(initial));
  std::vector<uint64_t> hashes(1);
  RowSet first = {.count = 1, .keys = absl::MakeSpan(keys).subspan(0, 1)};
  REQUIRE(pieces.CheckRows(&first, hashes.data()).ok());
  CheckedSink absent;
  pieces.Pull(first, absent);
  CHECK((absent.values() == initial));
  ComparePiecesAndArray(pieces, array, {.count = keys.size(), .keys = keys});
}

TEST_CASE("dense rows come and go in pieces") {
  const RowRange range = {.begin = 10, .end = 10010};
  DenseShard pieces(range, 3, Initializer(), Adagrad()), array(range, 3, Initializer(), Adagrad());
  ComparePiecesAndArray(pieces, array, {.count = 9000, .first_row = 500});
}

TEST_CASE("a push that is not applied is read all the same") {
  SparseShard shard(0, 1, 2, Initializer(), Adagrad());
  const std::vector<uint64_t> keys = {1, 5, 7};
  std::vector<uint64_t> hashes(3);
  RowSet rows = {.count = 3, .keys = keys};
  REQUIRE(shard.CheckRows(&rows, hashes.data()).ok());
  const auto taken = [&](const auto& push) {
    PiecewiseSource source(RandomValues(12));
    push(source);
    return source.taken();
  };
  CHECK(taken([&](auto& source) { shard.Push({1, 1, 1}, rows, source); }) == 6);
  CHECK(taken([&](auto& source) {
          CHECK(shard.Push({1, 1, 1}, rows, source) == PushOutcome::kDuplicate);
        }) == 6);
  CHECK(taken([&](auto& source) {
          CHECK(shard.Accumulate({1, 1, 1}, 0, rows, source) == PushOutcome::kDuplicate);
        }) == 6);
  shard.CloseStep(0, {});
  CHECK(taken([&](auto& source) {
          CHECK(shard.Accumulate({1, 1, 2}, 0, rows, source) == PushOutcome::kLate);
        }) == 6);
}

}  // namespace
}  // namespace paramd
