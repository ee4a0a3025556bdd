#include "worker/trainer/held_changes.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <map>

#include "common/base/random.h"

namespace paramd {
namespace {

using Keys = std::vector<uint64_t>;
using Values = std::vector<float>;

v1::TableSpec Spec(v1::Consistency::Mode mode, uint64_t dense_rows = 0, uint32_t dim = 1) {
  v1::TableSpec spec;
  spec.set_kind(dense_rows > 0 ? v1::TableSpec::DENSE : v1::TableSpec::SPARSE);
  spec.set_rows(dense_rows);
  spec.set_dim(dim);
  spec.mutable_consistency()->set_mode(mode);
  spec.mutable_consistency()->set_steps(3);
  spec.mutable_consistency()->set_bound(0.25);
  spec.mutable_optimizer()->set_type(v1::Optimizer::SGD);
  spec.mutable_optimizer()->set_learning_rate(0.5);
  return spec;
}

// Pulls from `server`, which has `dim` values for a key.
Values Pull(const std::map<uint64_t, Values>& server, const Keys& keys) {
  Values pulled;
  for (const uint64_t key : keys) {
    const Values& row = server.at(key);
    pulled.insert(pulled.end(), row.begin(), row.end());
  }
  return pulled;
}

// The rows of a step of a sparse table of dimension 1.
Values Rows(HeldChanges& held, const Keys& keys, const std::map<uint64_t, Values>& server) {
  const HeldChanges::Wanted wanted = held.Want(keys);
  Values rows(keys.size());
  held.Fill(keys, wanted, Pull(server, wanted.keys), absl::MakeSpan(rows));
  return rows;
}

TEST_CASE("which modes keep changes back") {
  CHECK(HeldChanges::IsFor(Spec(v1::Consistency::LOCAL)));
  CHECK(HeldChanges::IsFor(Spec(v1::Consistency::VALUE_BOUND)));
  for (const auto mode : {v1::Consistency::ASP, v1::Consistency::SSP, v1::Consistency::BSP}) {
    CHECK_FALSE(HeldChanges::IsFor(Spec(mode)));
  }
}

TEST_CASE("local: copies are pulled once, changed by sgd and pushed after so many steps") {
  HeldChanges held(Spec(v1::Consistency::LOCAL));
  std::map<uint64_t, Values> server = {{1, {10}}, {2, {20}}, {3, {30}}};
  CHECK(held.empty());
  CHECK(held.MayPullAhead());
  CHECK(Rows(held, {1, 2}, server) == Values{10, 20});
  held.Add({1, 2}, {2, 4});
  CHECK_FALSE(held.Take(false).any);
  CHECK_FALSE(held.empty());

  // What others change is not seen, but for rows that are new.
  server = {{1, {-1}}, {2, {-2}}, {3, {-3}}};
  CHECK(held.Want({1, 2}).keys.empty());
  CHECK(held.MayPullAhead());
  CHECK(Rows(held, {2, 3}, server) == Values{18, -3});
  held.Add({2, 3}, {6, 8});
  CHECK_FALSE(held.Take(false).any);
  CHECK_FALSE(held.MayPullAhead());

  CHECK(Rows(held, {2}, server) == Values{15});
  held.Add({2}, {1});
  const HeldChanges::Rows push = held.Take(false);
  CHECK(push.any);
  CHECK(push.keys == Keys{1, 2, 3});
  CHECK(push.gradients == Values{2, 11, 8});
  CHECK(held.empty());
  CHECK(Rows(held, {1, 2}, server) == Values{-1, -2});
}

TEST_CASE("local: everything is pushed early when asked for") {
  HeldChanges held(Spec(v1::Consistency::LOCAL));
  const std::map<uint64_t, Values> server = {{1, {10}}};
  CHECK_FALSE(held.Take(true).any);
  Rows(held, {1}, server);
  held.Add({1}, {2});
  CHECK(held.Take(true).gradients == Values{2});
  CHECK(held.empty());
  CHECK_FALSE(held.Take(true).any);
  CHECK(held.MayPullAhead());
}

TEST_CASE("local: rows may be wanted before the step before is finished") {
  HeldChanges held(Spec(v1::Consistency::LOCAL));
  const std::map<uint64_t, Values> server = {{1, {10}}, {2, {20}}, {3, {30}}};
  const HeldChanges::Wanted first = held.Want({1, 2});
  const HeldChanges::Wanted second = held.Want({2, 3});
  CHECK(second.keys == Keys{3});
  Values rows(2);
  held.Fill({1, 2}, first, Pull(server, first.keys), absl::MakeSpan(rows));
  held.Add({1, 2}, {2, 4});
  CHECK_FALSE(held.Take(false).any);
  held.Fill({2, 3}, second, Pull(server, second.keys), absl::MakeSpan(rows));
  CHECK(rows == Values{18, 30});
}

TEST_CASE("local: a dense table") {
  HeldChanges held(Spec(v1::Consistency::LOCAL, 2, 2));
  Values rows(4);
  const HeldChanges::Wanted wanted = held.Want({});
  CHECK(wanted.any);
  held.Fill({}, wanted, Values{1, 2, 3, 4}, absl::MakeSpan(rows));
  CHECK(rows == Values{1, 2, 3, 4});
  for (int step = 0; step < 3; ++step) {
    if (step > 0) {
      const HeldChanges::Wanted none = held.Want({});
      CHECK_FALSE(none.any);
      held.Fill({}, none, {}, absl::MakeSpan(rows));
    }
    CHECK(rows == Values{1.0f - step, 2, 3, 4.0f + step});
    CHECK_FALSE(held.Take(false).any);
    held.Add({}, {2, 0, 0, -2});
  }
  const HeldChanges::Rows push = held.Take(false);
  CHECK(push.any);
  CHECK(push.keys.empty());
  CHECK(push.gradients == Values{6, 0, 0, -6});
  CHECK(held.Want({}).any);
}

TEST_CASE("value_bound: a row is pushed when its change is beyond the bound") {
  HeldChanges held(Spec(v1::Consistency::VALUE_BOUND));
  std::map<uint64_t, Values> server = {{1, {10}}, {2, {20}}, {3, {30}}};
  CHECK_FALSE(held.MayPullAhead());
  CHECK(Rows(held, {1, 2}, server) == Values{10, 20});
  held.Add({1, 2}, {0.5, 0.75});  // changes of 0.25 and 0.375
  HeldChanges::Rows push = held.Take(false);
  CHECK(push.keys == Keys{2});
  CHECK(push.gradients == Values{0.75});
  CHECK_FALSE(held.empty());
  server[1] = {5};
  CHECK(Rows(held, {1, 2, 3}, server) == Values{4.75, 20, 30});
  held.Add({1, 2, 3}, {-0.5, 0.25, -1});
  push = held.Take(false);
  CHECK(push.keys == Keys{3});
  CHECK(push.gradients == Values{-1});
  push = held.Take(true);
  CHECK(push.keys == Keys{1, 2});
  CHECK(push.gradients == Values{0, 0.25});
  CHECK(held.empty());
}

TEST_CASE("value_bound: a dense table is pushed whole") {
  HeldChanges held(Spec(v1::Consistency::VALUE_BOUND, 3));
  held.Want({});
  held.Add({}, {0.25, 0, -0.25});
  CHECK_FALSE(held.Take(false).any);
  Values rows(3);
  held.Fill({}, held.Want({}), Values{1, 1, 1}, absl::MakeSpan(rows));
  CHECK(rows == Values{0.875, 1, 1.125});
  held.Add({}, {0, 0, -0.5});
  CHECK(held.Take(false).gradients == Values{0.25, 0, -0.75});
  CHECK(held.empty());
}

TEST_CASE("value_bound: what is not a number is pushed") {
  HeldChanges held(Spec(v1::Consistency::VALUE_BOUND));
  held.Want({1});
  held.Add({1}, {std::numeric_limits<float>::quiet_NaN()});
  CHECK(held.Take(false).keys == Keys{1});
}

// A worker alone, against gradient descent as it is written in a book: after everything is pushed
// the server has the same, and every step sees the rows that descent would have.
TEST_CASE("a worker alone does not notice that its changes are kept back") {
  const auto mode = GENERATE(v1::Consistency::LOCAL, v1::Consistency::VALUE_BOUND);
  constexpr uint32_t kDim = 2;
  HeldChanges held(Spec(mode, 0, kDim));
  Random random(5);
  std::map<uint64_t, Values> server, reference;
  for (uint64_t key = 0; key < 20; ++key) server[key] = reference[key] = {0, 1};
  const auto apply = [&](const HeldChanges::Rows& push) {
    for (size_t i = 0; i < push.keys.size(); ++i) {
      for (size_t j = 0; j < kDim; ++j) {
        server[push.keys[i]][j] -= 0.5f * push.gradients[i * kDim + j];
      }
    }
  };
  size_t touched = 0, pushed = 0;
  for (int step = 0; step < 100; ++step) {
    Keys keys;
    for (uint64_t key = 0; key < 20; ++key) {
      if (random.NextBelow(3) == 0) keys.push_back(key);
    }
    const HeldChanges::Wanted wanted = held.Want(keys);
    Values rows(keys.size() * kDim), gradients(keys.size() * kDim);
    held.Fill(keys, wanted, Pull(server, wanted.keys), absl::MakeSpan(rows));
    for (size_t i = 0; i < rows.size(); ++i) {
      float& parameter = reference[keys[i / kDim]][i % kDim];
      CHECK(rows[i] == Approx(parameter).margin(1e-5));
      gradients[i] = static_cast<float>(random.NextUnit() - 0.5);
      parameter -= 0.5f * gradients[i];
    }
    held.Add(keys, gradients);
    const HeldChanges::Rows push = held.Take(step == 99);
    touched += keys.size();
    pushed += push.keys.size();
    apply(push);
    for (const auto& [key, row] : reference) {
      for (size_t j = 0; j < kDim && mode == v1::Consistency::VALUE_BOUND; ++j) {
        CHECK(std::abs(server[key][j] - row[j]) <= 0.25 + 1e-5);
      }
    }
  }
  CHECK(held.empty());
  CHECK(pushed < touched * 3 / 4);
  for (const auto& [key, row] : reference) {
    for (size_t j = 0; j < kDim; ++j) CHECK(server[key][j] == Approx(row[j]).margin(1e-5));
  }
}

}  // namespace
}  // namespace paramd
