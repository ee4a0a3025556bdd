// Pushes and pulls in every codec, on sparse and dense tables over several servers.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

#include "common/base/random.h"
#include "tests/worker/client/parameter_cluster.h"
#include "worker/client/parameter_client.h"

namespace paramd {
namespace {

constexpr uint64_t kKeys = 700, kDenseRows = 500;
constexpr double kFraction = 0.25;

constexpr v1::Codec::Values kPullCodecs[] = {v1::Codec::F32, v1::Codec::BF16, v1::Codec::F16,
                                             v1::Codec::INT8};
constexpr v1::Codec::Values kPushCodecs[] = {v1::Codec::F32, v1::Codec::BF16, v1::Codec::F16,
                                             v1::Codec::INT8, v1::Codec::TOP_K};

// What FORMAT.md says of the error of a value, in a segment whose largest magnitude is not above
// `largest`.
double Bound(v1::Codec::Values codec, double value, double largest) {
  switch (codec) {
    case v1::Codec::BF16:
      return std::abs(value) / 256;
    case v1::Codec::F16:
      return std::abs(value) / 2048 + std::ldexp(1, -25);
    case v1::Codec::INT8:
      return largest / 127 * (1 + 1e-6);
    default:
      return 0;
  }
}

ParameterCluster NewCluster(v1::Codec::Values push, v1::Codec::Values pull) {
  v1::PushValues values;
  values.set_values(push);
  if (push == v1::Codec::TOP_K) values.set_fraction(kFraction);
  return ParameterCluster({.hosts = 3, .push = values, .pull = pull, .dense_rows = kDenseRows});
}

std::vector<float> RandomValues(size_t size, uint64_t seed) {
  Random random(seed);
  std::vector<float> values(size);
  for (float& value : values) value = static_cast<float>(8 * random.NextUnit() - 4);
  return values;
}

void CheckValues(const std::vector<float>& values, const std::vector<float>& gradient,
                 v1::Codec::Values push, v1::Codec::Values pull) {
  REQUIRE(values.size() == gradient.size());
  // Whether something of the errors is there at all: the codec was used.
  bool exact = true;
  for (size_t i = 0; i < values.size(); ++i) {
    const double expected = -gradient[i];
    const double pushed = Bound(push, expected, 4);
    const double pulled = Bound(pull, std::abs(expected) + pushed, 4 + pushed);
    REQUIRE(std::abs(values[i] - expected) <= pushed + pulled);
    exact &= values[i] == -gradient[i];
  }
  const auto is_exact = [](v1::Codec::Values codec) {
    return codec == v1::Codec::F32 || codec == v1::Codec::TOP_K;
  };
  CHECK(exact == (is_exact(push) && is_exact(pull)));
}

TEST_CASE("values are within the bounds of their codecs") {
  for (const v1::Codec::Values push : kPushCodecs) {
    for (const v1::Codec::Values pull : kPullCodecs) {
      INFO(v1::Codec::Values_Name(push) << " " << v1::Codec::Values_Name(pull));
      ParameterCluster cluster = NewCluster(push, pull);
      ParameterClient::Options options = cluster.ClientOptions(1);
      options.transport.set_chunk(1000);
      ParameterClient client(options);
      REQUIRE(client.Attach().ok());
      const std::vector<uint64_t> keys = Keys(kKeys);
      const std::vector<float> sparse = RandomValues(kKeys * 2, 1);
      const std::vector<float> dense = RandomValues(kDenseRows * 3, 2);
      REQUIRE(Push(client, 0, keys, sparse, dense).ok());
      if (push == v1::Codec::TOP_K) {
        // What was held back goes out with gradients of 0, a part each time.
        const std::vector<float> sparse_rest(sparse.size()), dense_rest(dense.size());
        for (uint64_t clock = 1; clock < 1 / kFraction; ++clock) {
          REQUIRE(Push(client, clock, keys, sparse_rest, dense_rest).ok());
        }
      }
      CheckValues(*Pull(client, 0, keys, std::nullopt), sparse, push, pull);
      CheckValues(*Pull(client, 1, {}, std::nullopt), dense, push, pull);
    }
  }
}

TEST_CASE("top_k sends the largest values at once and holds the others back") {
  ParameterCluster cluster = NewCluster(v1::Codec::TOP_K, v1::Codec::F32);
  ParameterClient client(cluster.ClientOptions(1));
  REQUIRE(client.Attach().ok());
  const std::vector<float> dense = RandomValues(kDenseRows * 3, 3);
  const std::vector<uint64_t> keys = Keys(kKeys);
  const std::vector<float> sparse = RandomValues(kKeys * 2, 4);
  REQUIRE(Push(client, 0, keys, sparse, dense).ok());
  const auto check = [](const std::vector<float>& values, const std::vector<float>& gradient) {
    size_t sent = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      sent += values[i] != 0;
      if (values[i] != 0) REQUIRE(values[i] == -gradient[i]);
    }
    // Every segment sends a whole number of values.
    CHECK(sent >= static_cast<size_t>(kFraction * static_cast<double>(values.size())));
    CHECK(sent <= static_cast<size_t>(kFraction * static_cast<double>(values.size())) + 16);
  };
  check(*Pull(client, 0, keys, std::nullopt), sparse);
  check(*Pull(client, 1, {}, std::nullopt), dense);
}

TEST_CASE("int8 is right on average") {
  ParameterCluster cluster = NewCluster(v1::Codec::INT8, v1::Codec::F32);
  ParameterClient client(cluster.ClientOptions(1));
  REQUIRE(client.Attach().ok());
  constexpr uint64_t kSteps = 400;
  // A quarter of a step beside a whole one; rounded to nearest it would never get through.
  std::vector<float> dense(kDenseRows * 3, 0.25f);
  for (size_t i = 0; i < dense.size(); i += 3) dense[i] = 127;
  Ends ends;
  for (uint64_t clock = 0; clock < kSteps; ++clock) {
    const std::vector<ParameterClient::TableGradients> gradients = {
        {.plan = client.Plan(1, {}), .values = BufferOf(dense)}};
    client.PushStep(clock, 1, gradients, ends.Expect());
  }
  REQUIRE(ends.Wait(client).ok());
  double sum = 0;
  const std::vector<float> values = *Pull(client, 1, {}, std::nullopt);
  for (size_t i = 0; i < values.size(); ++i) {
    if (i % 3 == 0) {
      REQUIRE(values[i] == -127.0f * kSteps);
    } else {
      // 400 draws of 1 with probability 1/4: 100, give or take 9.
      REQUIRE(std::abs(values[i] + 100) < 9 * 6);
      sum += values[i];
    }
  }
  // 1000 such sums: 100, give or take 0.3.
  CHECK(std::abs(sum / (2 * kDenseRows) + 100) < 1.5);
}

TEST_CASE("one table in one codec and the other in another") {
  ParameterCluster cluster({.hosts = 2});
  ParameterClient::Options options = cluster.ClientOptions(1);
  // Codecs are the client's affair.
  options.shard_map.mutable_tables(0)->mutable_spec()->mutable_push()->set_values(v1::Codec::BF16);
  options.shard_map.mutable_tables(1)->mutable_spec()->mutable_pull()->set_values(v1::Codec::F16);
  ParameterClient client(options);
  REQUIRE(client.Attach().ok());
  const float value = 1 + std::ldexp(1.0f, -12);
  REQUIRE(Push(client, 0, {5}, {value, 2}, std::vector<float>(15, value)).ok());
  CHECK(*Pull(client, 0, {5}, 1) == std::vector<float>{-1, -2});
  CHECK(*Pull(client, 1, {}, 1) == std::vector<float>(15, -1));
  // The server has the dense rows as they were.
  ParameterClient exact(cluster.ClientOptions(2));
  CHECK(*Pull(exact, 1, {}, std::nullopt) == std::vector<float>(15, -value));
}

}  // namespace
}  // namespace paramd
