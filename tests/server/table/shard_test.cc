#include "server/table/shard.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <map>
#include <set>

#include "common/base/random.h"
#include "common/routing/hash_keys.h"
#include "common/routing/shard_of.h"
#include "common/wire/array_floats.h"
#include "server/optimizer/create_optimizer.h"
#include "server/optimizer/step.h"
#include "server/table/dense_shard.h"
#include "server/table/sparse_shard.h"

namespace paramd {
namespace {

// Plain gradient descent with rate 1: a row is minus the sum of its gradients.
std::shared_ptr<const Optimizer> Descent() {
  v1::Optimizer settings;
  settings.set_type(v1::Optimizer::SGD);
  settings.set_learning_rate(1);
  return *CreateOptimizer(settings);
}

std::shared_ptr<const Optimizer> Proximal() {
  v1::Optimizer settings;
  settings.set_type(v1::Optimizer::FTRL);
  settings.set_alpha(0.1);
  settings.set_beta(1);
  settings.set_l2(0.5);
  return *CreateOptimizer(settings);
}

std::unique_ptr<Shard> Sparse(uint32_t dim, std::shared_ptr<const Optimizer> optimizer) {
  return std::make_unique<SparseShard>(0, 1, dim, Initializer(), std::move(optimizer));
}

std::unique_ptr<Shard> Dense(uint64_t begin, uint64_t end, uint32_t dim,
                             std::shared_ptr<const Optimizer> optimizer) {
  return std::make_unique<DenseShard>(RowRange{begin, end}, dim, Initializer(),
                                      std::move(optimizer));
}

using Keys = std::vector<uint64_t>;
using Values = std::vector<float>;

RowSet Of(const Keys& keys) { return {.count = keys.size(), .keys = keys}; }
RowSet Range(uint64_t first, uint64_t count) { return {.count = count, .first_row = first}; }

// The rows as CheckRows makes them: with hashes, which live here.
class Checked {
 public:
  Checked(const Shard& shard, const RowSet& rows) : hashes_(rows.keys.size()), rows_(rows) {
    REQUIRE(shard.CheckRows(&rows_, hashes_.data()).ok());
  }
  const RowSet& rows() const { return rows_; }

 private:
  std::vector<uint64_t> hashes_;
  RowSet rows_;
};

absl::Status Check(const Shard& shard, RowSet rows) {
  std::vector<uint64_t> hashes(rows.keys.size());
  return shard.CheckRows(&rows, hashes.data());
}

PushOutcome PushTo(Shard& shard, const PushId& id, const RowSet& rows, const Values& gradients,
                   const GradientInfo& info = {}) {
  ArraySource source(gradients.data());
  return shard.Push(id, Checked(shard, rows).rows(), source, info);
}

PushOutcome AccumulateIn(Shard& shard, const PushId& id, uint64_t step, const RowSet& rows,
                         const Values& gradients) {
  ArraySource source(gradients.data());
  return shard.Accumulate(id, step, Checked(shard, rows).rows(), source);
}

Values PullOf(const Shard& shard, const RowSet& rows) {
  Values values(rows.count * shard.dim(), -99);
  ArraySink sink(values.data());
  shard.Pull(Checked(shard, rows).rows(), sink);
  return values;
}

Values PullForStep(Shard& shard, uint32_t client, uint64_t clock, const RowSet& rows) {
  Values values(rows.count * shard.dim(), -99);
  ArraySink sink(values.data());
  shard.PullFor(client, clock, Checked(shard, rows).rows(), sink);
  return values;
}

// Rate 1, lambda 1: w <- w - (g + g^2 (w - what was pulled)).
std::shared_ptr<const Optimizer> CompensatedDescent() {
  v1::Optimizer settings;
  settings.set_type(v1::Optimizer::SGD);
  settings.set_learning_rate(1);
  settings.mutable_delay()->set_type(v1::DelayCompensation::DC_ASGD_C);
  settings.mutable_delay()->set_lambda(1);
  return *CreateOptimizer(settings);
}

// Columns 0, 1, ... of a row with the same values but for `step` between neighbours.
Values Row(uint32_t dim, float first, float step) {
  Values row(dim);
  for (uint32_t i = 0; i < dim; ++i) row[i] = first + step * static_cast<float>(i % 3);
  return row;
}

TEST_CASE("a gradient meets what its client has pulled for its step") {
  const uint32_t dim = GENERATE(1, 3, 20, 5000);
  const bool sparse = GENERATE(false, true);
  const auto shard =
      sparse ? Sparse(dim, CompensatedDescent()) : Dense(0, 10, dim, CompensatedDescent());
  const Keys key = {4};
  const RowSet row = sparse ? Of(key) : Range(4, 1);
  const auto push = [&](uint32_t client, uint64_t sequence, uint64_t clock, const Values& g) {
    PushTo(*shard, {client, 1, sequence}, row, g, {.clock = clock});
    return PullOf(*shard, row);
  };
  const auto expect = [](const Values& w, const Values& g, const Values& pulled) {
    Values after(w.size());
    for (size_t i = 0; i < w.size(); ++i)
      after[i] = w[i] - (g[i] + g[i] * g[i] * (w[i] - pulled[i]));
    return after;
  };
  const Values zeros(dim), g = Row(dim, 0.5f, 0.25f);
  CHECK(PullForStep(*shard, 1, 0, row) == zeros);
  const Values first = push(2, 1, 0, g);  // client 2 has pulled nothing
  CHECK(first == expect(zeros, g, zeros));
  const uint64_t before = shard->Digest();
  CHECK(PullForStep(*shard, 1, 1, row) == first);  // for its next step
  CHECK(shard->Digest() != before);
  const Values second = push(1, 1, 0, g);
  CHECK(second == expect(first, g, zeros));
  CHECK(second != expect(first, g, first));
  const Values third = push(1, 2, 1, g);
  CHECK(third == expect(second, g, first));
  // A row that is not pulled again is compared with what is known of it.
  const Values fourth = push(1, 3, 2, g);
  CHECK(fourth == expect(third, g, first));
  CHECK(PullOf(*shard, row) == fourth);
  const uint64_t bytes = shard->Size().bytes;
  shard->Forget(1);
  CHECK(shard->Size().bytes < bytes);
  CHECK(push(1, 4, 2, g) == expect(fourth, g, fourth));
}

TEST_CASE("what is pulled is kept for rules only that look at it") {
  const auto shard = Sparse(1, Descent());
  const uint64_t before = shard->Digest();
  PullForStep(*shard, 1, 0, Of({3}));
  CHECK_FALSE(shard->keeps_pulled());
  CHECK(shard->Digest() == before);
}

TEST_CASE("the clock, the examples and the delay of a push reach the rule") {
  v1::Optimizer settings;
  settings.set_type(v1::Optimizer::SGD);
  settings.set_learning_rate(1);
  settings.mutable_schedule()->set_type(v1::Schedule::STEP);
  settings.mutable_schedule()->set_every(1);
  settings.mutable_schedule()->set_factor(0.5);
  settings.mutable_delay()->set_type(v1::DelayCompensation::SCALED_RATE);
  const auto shard = Sparse(1, *CreateOptimizer(settings));
  PushTo(*shard, {1, 1, 1}, Of({1}), Values{1}, {.clock = 2});
  CHECK(PullOf(*shard, Of({1})) == Values{-0.25f});
  PushTo(*shard, {1, 1, 2}, Of({1}), Values{1}, {.clock = 0, .delay = 4});
  CHECK(PullOf(*shard, Of({1})) == Values{-0.5f});
  AccumulateIn(*shard, {1, 1, 3}, 1, Of({1}), Values{1});
  shard->CloseStep(1, {{{1, 1.0}}});
  CHECK(PullOf(*shard, Of({1})) == Values{-1});
}

TEST_CASE("a sparse row is created by a push, never by a pull") {
  const auto shard = Sparse(2, Descent());
  CHECK(PullOf(*shard, Of({3, 9})) == Values{0, 0, 0, 0});
  CHECK(shard->Size().rows == 0);
  CHECK(PushTo(*shard, {1, 1, 1}, Of({9}), Values{1, -2}) == PushOutcome::kTaken);
  CHECK(PullOf(*shard, Of({3, 9})) == Values{0, 0, -1, 2});
  CHECK(shard->Size().rows == 1);
}

TEST_CASE("a dense shard holds its rows from the beginning") {
  const auto shard = Dense(10, 13, 2, Descent());
  CHECK(shard->Size().rows == 3);
  CHECK(shard->Size().bytes == 3 * 2 * sizeof(float));
  PushTo(*shard, {1, 1, 1}, Range(11, 2), Values{1, 2, 3, 4});
  CHECK(PullOf(*shard, Range(10, 3)) == Values{0, 0, -1, -2, -3, -4});
  CHECK(Dense(0, 3, 2, Proximal())->Size().bytes == 3 * 3 * 2 * sizeof(float));
}

TEST_CASE("a push is applied exactly once") {
  const auto shard = Sparse(1, Descent());
  const auto push = [&](uint32_t client, uint64_t incarnation, uint64_t sequence) {
    return PushTo(*shard, {client, incarnation, sequence}, Of({5}), Values{1});
  };
  CHECK(push(1, 7, 10) == PushOutcome::kTaken);
  const uint64_t digest = shard->Digest();
  CHECK(push(1, 7, 10) == PushOutcome::kDuplicate);
  CHECK(push(1, 7, 4) == PushOutcome::kDuplicate);
  CHECK(shard->Digest() == digest);
  CHECK(push(1, 7, 11) == PushOutcome::kTaken);
  CHECK(push(2, 7, 1) == PushOutcome::kTaken);  // another client
  CHECK(push(1, 8, 1) == PushOutcome::kTaken);  // another incarnation
  CHECK(push(1, 8, 1) == PushOutcome::kDuplicate);
  CHECK(PullOf(*shard, Of({5})) == Values{-4});
}

TEST_CASE("rows that do not belong to the shard are refused") {
  SECTION("dense") {
    const auto shard = Dense(10, 20, 1, Descent());
    CHECK(Check(*shard, Range(10, 10)).ok());
    CHECK(Check(*shard, Range(20, 0)).ok());
    for (const RowSet& rows : {Range(9, 2), Range(19, 2), Range(20, 1), Range(21, 0),
                               Range(12, UINT64_MAX), Range(UINT64_MAX, 2)}) {
      CHECK(Check(*shard, rows).code() == absl::StatusCode::kInvalidArgument);
    }
  }
  SECTION("sparse") {
    const SparseShard shard(2, 4, 1, Initializer(), Descent());
    Keys mine;
    uint64_t other = 0;
    for (uint64_t key = 0; mine.size() < 3; ++key) {
      (ShardOfKey(key, 4) == 2 ? (mine.push_back(key), other) : other = key);
    }
    CHECK(Check(shard, Of(mine)).ok());
    CHECK(Check(shard, Of({mine[0], mine[0]})).code() == absl::StatusCode::kInvalidArgument);
    CHECK(Check(shard, Of({mine[1], mine[0]})).code() == absl::StatusCode::kInvalidArgument);
    CHECK(Check(shard, Of({other})).code() == absl::StatusCode::kInvalidArgument);
  }
}

TEST_CASE("a synchronous step applies the mean of its gradients once") {
  // Clients 4 and 8 with 1 and 3 examples: weights 1/4 and 3/4.
  const std::vector<Contribution> contributions = {{4, 0.25}, {8, 0.75}};
  SECTION("sparse") {
    const auto shard = Sparse(1, Descent());
    AccumulateIn(*shard, {8, 1, 1}, 0, Of({1, 2}), Values{4, 8});
    AccumulateIn(*shard, {4, 1, 1}, 0, Of({2, 3}), Values{4, 16});
    CHECK(PullOf(*shard, Of({1, 2, 3})) == Values{0, 0, 0});
    shard->CloseStep(0, contributions);
    // 1: 3/4 4;  2: 1/4 4 + 3/4 8;  3: 1/4 16
    CHECK(PullOf(*shard, Of({1, 2, 3})) == Values{-3, -7, -4});
    CHECK(shard->Size().rows == 3);
  }
  SECTION("dense, with a gap") {
    const auto shard = Dense(0, 5, 1, Descent());
    AccumulateIn(*shard, {4, 1, 1}, 0, Range(0, 2), Values{4, 8});
    AccumulateIn(*shard, {8, 1, 1}, 0, Range(1, 1), Values{4});
    AccumulateIn(*shard, {8, 1, 2}, 0, Range(4, 1), Values{8});
    shard->CloseStep(0, contributions);
    CHECK(PullOf(*shard, Range(0, 5)) == Values{-1, -5, 0, 0, -6});
  }
}

TEST_CASE("a synchronous step decays a row once that many touched, and no other") {
  v1::Optimizer settings;
  settings.set_type(v1::Optimizer::SGD);
  settings.set_learning_rate(1);
  settings.set_l2(0.5);
  const std::shared_ptr<const Optimizer> decay = *CreateOptimizer(settings);
  const std::vector<Contribution> contributions = {{1, 0.5}, {2, 0.5}};
  SECTION("dense") {
    const auto shard = Dense(0, 3, 1, decay);
    PushTo(*shard, {1, 1, 1}, Range(0, 3), Values{-2, -2, -2});
    AccumulateIn(*shard, {1, 1, 2}, 0, Range(0, 1), Values{0});
    AccumulateIn(*shard, {2, 1, 1}, 0, Range(0, 1), Values{0});
    shard->CloseStep(0, contributions);
    CHECK(PullOf(*shard, Range(0, 3)) == Values{1, 2, 2});
  }
  SECTION("sparse") {
    const auto shard = Sparse(1, decay);
    PushTo(*shard, {1, 1, 1}, Of({1, 2, 3}), Values{-2, -2, -2});
    AccumulateIn(*shard, {1, 1, 2}, 0, Of({2}), Values{0});
    AccumulateIn(*shard, {2, 1, 1}, 0, Of({2}), Values{0});
    shard->CloseStep(0, contributions);
    CHECK(PullOf(*shard, Of({1, 2, 3})) == Values{2, 1, 2});
  }
}

TEST_CASE("closing drops what is not from a contributor") {
  const auto shard = Sparse(1, Descent());
  AccumulateIn(*shard, {1, 1, 1}, 0, Of({1}), Values{1});
  AccumulateIn(*shard, {2, 1, 1}, 0, Of({1}), Values{100});  // did not finish the step
  AccumulateIn(*shard, {2, 1, 2}, 1, Of({1}), Values{100});
  AccumulateIn(*shard, {1, 1, 2}, 2, Of({1}), Values{10});
  shard->CloseStep(0, {{{1, 1.0}}});
  CHECK(PullOf(*shard, Of({1})) == Values{-1});
  shard->CloseStep(2, {{{1, 1.0}}});  // step 1 is dropped whole
  CHECK(PullOf(*shard, Of({1})) == Values{-11});
  const uint64_t digest = shard->Digest();
  shard->CloseStep(1, {{{2, 1.0}}});
  CHECK(shard->Digest() == digest);
  CHECK(AccumulateIn(*shard, {1, 1, 2}, 1, Of({1}), Values{1}) == PushOutcome::kDuplicate);
  CHECK(AccumulateIn(*shard, {1, 1, 3}, 2, Of({1}), Values{1}) == PushOutcome::kLate);
  shard->CloseStep(3, {{{1, 1.0}}});
  CHECK(PullOf(*shard, Of({1})) == Values{-11});
}

TEST_CASE("Discard drops what a client pushed from a step on") {
  const auto shard = Sparse(1, Descent());
  AccumulateIn(*shard, {1, 1, 1}, 4, Of({1}), Values{1});
  AccumulateIn(*shard, {1, 1, 2}, 5, Of({1}), Values{10});
  AccumulateIn(*shard, {2, 1, 1}, 5, Of({1}), Values{100});
  shard->Discard(1, 5);
  shard->CloseStep(4, {{{1, 1.0}}});
  shard->CloseStep(5, {{{1, 0.5}, {2, 0.5}}});
  CHECK(PullOf(*shard, Of({1})) == Values{-51});
}

TEST_CASE("the order of arrival makes no difference to the bit") {
  // Weights and gradients whose sum depends on the order it is formed in.
  const std::vector<Contribution> contributions = {{0, 1.0 / 7}, {1, 2.0 / 7}, {2, 4.0 / 7}};
  const std::vector<Values> gradients = {{1e8f, 0.1f}, {-3e7f, 0.7f}, {0.123f, 1e-7f}};
  for (const bool sparse : {true, false}) {
    std::vector<uint32_t> order = {0, 1, 2};
    std::set<uint64_t> digests;
    do {
      const auto shard = sparse ? Sparse(1, Proximal()) : Dense(0, 2, 1, Proximal());
      for (uint64_t step = 0; step < 5; ++step) {
        for (const uint32_t client : order) {
          AccumulateIn(*shard, {client, 1, step}, step, sparse ? Of({3, 4}) : Range(0, 2),
                       gradients[client]);
        }
        shard->CloseStep(step, contributions);
      }
      digests.insert(shard->Digest());
    } while (std::next_permutation(order.begin(), order.end()));
    CHECK(digests.size() == 1);
  }
}

TEST_CASE("a snapshot has the rows in ascending order, without state") {
  const auto sparse = Sparse(1, Descent());
  PushTo(*sparse, {1, 1, 1}, Of({7, UINT64_MAX}), Values{1, 2});
  PushTo(*sparse, {1, 1, 2}, Of({0, 8}), Values{3, 4});
  CHECK(sparse->Snapshot().keys == Keys{0, 7, 8, UINT64_MAX});
  CHECK(sparse->Snapshot().values == Values{-3, -1, -4, -2});
  const auto dense = Dense(4, 6, 2, Proximal());
  CHECK(dense->Snapshot().keys.empty());
  CHECK(dense->Snapshot().values == Values{0, 0, 0, 0});
}

TEST_CASE("the digest is of the state, not of its history") {
  const auto a = Sparse(1, Proximal()), b = Sparse(1, Proximal());
  PushTo(*a, {1, 1, 1}, Of({1}), Values{1});
  PushTo(*a, {1, 1, 2}, Of({2}), Values{2});
  PushTo(*b, {1, 1, 1}, Of({2}), Values{2});
  PushTo(*b, {1, 1, 2}, Of({1}), Values{1});
  CHECK(a->Digest() == b->Digest());
  const uint64_t digest = a->Digest();
  AccumulateIn(*a, {1, 1, 3}, 0, Of({1}), Values{1});
  CHECK(a->Digest() != digest);
}

TEST_CASE("many rows, against a map") {
  const uint32_t dim = GENERATE(1, 3, 20000);
  const auto shard = Sparse(dim, Descent());
  std::map<uint64_t, float> model;
  Random random(dim);
  const int pushes = dim > 100 ? 10 : 300;
  for (int i = 0; i < pushes; ++i) {
    std::set<uint64_t> chosen;
    for (int j = 0; j < 50; ++j) chosen.insert(random.NextBelow(10000) * random.NextBelow(10000));
    const Keys keys(chosen.begin(), chosen.end());
    Values gradients;
    for (const uint64_t key : keys) {
      const auto gradient = static_cast<float>(random.NextBelow(9)) - 4;
      model[key] -= gradient;
      gradients.resize(gradients.size() + dim, gradient);
    }
    PushTo(*shard, {1, 1, static_cast<uint64_t>(i)}, Of(keys), gradients);
  }
  const ShardSnapshot snapshot = shard->Snapshot();
  REQUIRE(snapshot.keys.size() == model.size());
  size_t row = 0;
  for (const auto& [key, value] : model) {
    REQUIRE(snapshot.keys[row] == key);
    REQUIRE(snapshot.values[row * dim] == value);
    REQUIRE(snapshot.values[row * dim + dim - 1] == value);
    ++row;
  }
  CHECK(shard->Size().rows == model.size());
  CHECK(shard->Size().bytes >= model.size() * (dim * sizeof(float) + 12));
}

TEST_CASE("every optimizer, against a map of rows updated one by one, to the bit") {
  const auto type = GENERATE(v1::Optimizer::SGD, v1::Optimizer::ADAGRAD, v1::Optimizer::FTRL,
                             v1::Optimizer::ADADELTA, v1::Optimizer::ADAM);
  const uint32_t dim = GENERATE(1, 2, 3, 4, 20);
  v1::Optimizer settings;
  settings.set_type(type);
  settings.set_learning_rate(0.1);
  settings.set_epsilon(1e-8);
  settings.set_alpha(0.1);
  settings.set_beta(1);
  settings.set_l1(0.3);
  settings.set_l2(0.01);
  settings.set_rho(0.9);
  settings.set_beta1(0.9);
  settings.set_beta2(0.999);
  const std::shared_ptr<const Optimizer> optimizer = *CreateOptimizer(settings);
  const Initializer initializer = {.seed = 1, .table = 2, .scale = 0.25};
  SparseShard shard(0, 1, dim, initializer, optimizer);
  std::map<uint64_t, Values> model;  // parameters and state
  Random random(type * 100 + dim);
  for (uint64_t push = 1; push <= 40; ++push) {
    std::set<uint64_t> chosen = {0, UINT64_MAX, KeyOfHash(0), KeyOfHash(1), KeyOfHash(UINT64_MAX)};
    for (uint64_t j = 0; j < 10 * push; ++j) chosen.insert(Mix64(random.NextBelow(5000)));
    const Keys keys(chosen.begin(), chosen.end());
    Values gradients(keys.size() * dim), expected;
    for (float& gradient : gradients) gradient = static_cast<float>(random.NextUnit() - 0.5);
    for (size_t i = 0; i < keys.size(); ++i) {
      Values& row = model[keys[i]];
      if (row.empty()) {
        row.resize(dim * (1 + optimizer->state_slots()));
        initializer.Fill(keys[i], absl::MakeSpan(row).subspan(0, dim));
        optimizer->Begin(row.data(), dim, row.data() + dim, dim);
      }
      optimizer->Apply(&gradients[i * dim], optimizer->StepOf({.clock = push}), dim, row.data(),
                       row.data() + dim, dim, nullptr);
      expected.insert(expected.end(), row.begin(), row.begin() + dim);
    }
    PushTo(shard, {1, 1, push}, Of(keys), gradients, {.clock = push});
    const Values pulled = PullOf(shard, Of(keys));
    REQUIRE(std::memcmp(pulled.data(), expected.data(), expected.size() * sizeof(float)) == 0);
  }
  const ShardSnapshot snapshot = shard.Snapshot();
  REQUIRE(snapshot.keys.size() == model.size());
  size_t same = 0, at = 0;
  for (const auto& [key, row] : model) {
    same += snapshot.keys[at] == key &&
            std::memcmp(&snapshot.values[at * dim], row.data(), dim * sizeof(float)) == 0;
    ++at;
  }
  CHECK(same == model.size());
}

TEST_CASE("initial values depend on seed, table and row alone") {
  const Initializer initializer = {
      .seed = 1, .table = Initializer::HashOfName("embeddings"), .scale = 0.5};
  Values a(8), b(8);
  initializer.Fill(17, absl::MakeSpan(a));
  initializer.Fill(17, absl::MakeSpan(b));
  CHECK(a == b);
  for (const float value : a) CHECK((value >= -0.5 && value < 0.5));
  CHECK(std::set<float>(a.begin(), a.end()).size() == 8);
  initializer.Fill(18, absl::MakeSpan(b));
  CHECK(a != b);
  Initializer({.seed = 2, .table = initializer.table, .scale = 0.5}).Fill(17, absl::MakeSpan(b));
  CHECK(a != b);
  Initializer({.seed = 1, .table = 5, .scale = 0.5}).Fill(17, absl::MakeSpan(b));
  CHECK(a != b);

  // However the table is cut, and whether the row was created or not.
  const SparseShard one(0, 1, 8, initializer, Descent());
  SparseShard other(ShardOfKey(17, 9), 9, 8, initializer, Descent());
  CHECK(PullOf(one, Of({17})) == a);
  CHECK(PullOf(other, Of({17})) == a);
  PushTo(other, {1, 1, 1}, Of({17}), Values(8));
  CHECK(PullOf(other, Of({17})) == a);
  const DenseShard dense({.begin = 10, .end = 20}, 8, initializer, Descent());
  CHECK(PullOf(dense, Range(17, 1)) == a);
}

TEST_CASE("rows that begin with saved values") {
  const bool proximal = GENERATE(false, true);
  const auto optimizer = proximal ? Proximal() : Descent();
  SECTION("sparse, long and short rows") {
    for (const uint32_t dim : {1u, 3u, 5000u}) {
      const auto shard = Sparse(dim, optimizer);
      Values values(2 * dim);
      for (size_t i = 0; i < values.size(); ++i) values[i] = 1 + static_cast<float>(i % 7);
      shard->Load(Checked(*shard, Of({4, 9})).rows(), values.data());
      CHECK(PullOf(*shard, Of({4, 9})) == values);
      CHECK(shard->Size().rows == 2);
      // Nothing in the gradient: they stay where they are.
      PushTo(*shard, {1, 1, 1}, Of({4, 9}), Values(2 * dim, 0));
      const Values after = PullOf(*shard, Of({4, 9}));
      for (size_t i = 0; i < values.size(); ++i) CHECK(after[i] == Approx(values[i]));
    }
  }
  SECTION("dense") {
    const auto shard = Dense(10, 13, 2, optimizer);
    shard->Load(Range(10, 3), Values{1, 2, 3, 4, 5, 6}.data());
    CHECK(PullOf(*shard, Range(10, 3)) == Values{1, 2, 3, 4, 5, 6});
    PushTo(*shard, {1, 1, 1}, Range(10, 3), Values(6, 0));
    CHECK(PullOf(*shard, Range(12, 1))[0] == Approx(5));
  }
}

TEST_CASE("what a shard has had before the job was restored is passed over") {
  const auto shard = Sparse(1, Descent());
  PushTo(*shard, {.client = 3, .incarnation = 9, .sequence = 50, .clock = 7, .piece = 1}, Of({4}),
         {1});
  ShardState state = shard->State();
  state.restored = state.marks;
  const auto restored = Sparse(1, Descent());
  restored->SetServing(false);
  REQUIRE(restored->Restore(state));
  restored->SetServing(true);
  const auto push = [&](uint64_t sequence, const StepOrigin& origin, uint32_t piece) {
    return PushTo(
        *restored,
        {.client = 5, .incarnation = 1, .sequence = sequence, .piece = piece, .origin = origin},
        Of({4}), {1});
  };
  const Values before = PullOf(*restored, Of({4}));
  CHECK(push(1, {.client = 3, .incarnation = 9, .clock = 6}, 4) == PushOutcome::kDuplicate);
  CHECK(push(2, {.client = 3, .incarnation = 9, .clock = 7}, 0) == PushOutcome::kDuplicate);
  CHECK(push(3, {.client = 3, .incarnation = 9, .clock = 7}, 1) == PushOutcome::kDuplicate);
  CHECK(PullOf(*restored, Of({4})) == before);
  // Each was an operation of its own, which replicas and later checkpoints know.
  CHECK(restored->index() == state.index + 3);
  CHECK(restored->State().marks.back().sequence == 3);
  CHECK(push(4, {.client = 3, .incarnation = 9, .clock = 7}, 2) == PushOutcome::kTaken);
  CHECK(push(5, {.client = 3, .incarnation = 9, .clock = 8}, 0) == PushOutcome::kTaken);
  CHECK(push(6, {.client = 3, .incarnation = 8, .clock = 6}, 0) == PushOutcome::kTaken);
  CHECK(push(7, {}, 0) == PushOutcome::kTaken);
}

}  // namespace
}  // namespace paramd
