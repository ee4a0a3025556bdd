#include "common/wire/error_feedback.h"

#include <catch2/catch.hpp>
#include <map>
#include <vector>

#include "common/base/random.h"

namespace paramd {
namespace {

// Whole numbers, so that sums are exact.
float SmallInteger(Random* random) {
  return static_cast<float>(static_cast<int>(random->NextBelow(41)) - 20);
}

TEST_CASE("sparse: what is sent and what is kept add up to the gradients, exactly") {
  for (const size_t max_rows : {1000, 20, 0}) {
    for (const uint32_t dim : {1, 3}) {
      SparseErrorFeedback feedback(dim, max_rows);
      std::map<std::pair<uint64_t, uint32_t>, float> gradients, sent;
      Random random(max_rows + dim);
      size_t values = 0, sent_values = 0;
      for (int step = 0; step < 100; ++step) {
        std::vector<uint64_t> keys;
        for (uint64_t key = 0; key < 80; ++key) {
          if (random.Next() % 3 == 0) keys.push_back(key << 50);
        }
        std::vector<float> pushed(keys.size() * dim);
        for (size_t i = 0; i < pushed.size(); ++i) {
          pushed[i] = SmallInteger(&random);
          gradients[{keys[i / dim], i % dim}] += pushed[i];
        }
        const auto positions = feedback.Select(keys, 0.1, absl::MakeSpan(pushed));
        CHECK(std::is_sorted(positions.begin(), positions.end()));
        CHECK(positions.size() >= TopKCount(pushed.size(), 0.1));
        for (const uint32_t i : positions) sent[{keys[i / dim], i % dim}] += pushed[i];
        values += pushed.size();
        sent_values += positions.size();
        REQUIRE(feedback.rows() <= max_rows);
        for (const auto& [value, sum] : gradients) {
          const auto residual = feedback.residual(value.first);
          REQUIRE(sum == sent[value] + (residual.empty() ? 0 : residual[value.second]));
        }
      }
      // Everything goes out when nothing can be kept, little when all can.
      if (max_rows == 0) CHECK(sent_values * 10 > values * 9);
      if (max_rows == 1000) CHECK(sent_values * 10 < values * 2);
    }
  }
}

TEST_CASE("sparse: a row without a residual takes no room") {
  SparseErrorFeedback feedback(2, 1);
  std::vector<float> gradients = {5, 1};
  CHECK(feedback.Select({7}, 0.5, absl::MakeSpan(gradients)) == std::vector<uint32_t>{0});
  CHECK(feedback.residual(7) == std::vector<float>{0, 1});
  // No room for key 8 beside it.
  gradients = {9, 3};
  CHECK(feedback.Select({8}, 0.5, absl::MakeSpan(gradients)) == std::vector<uint32_t>{0, 1});
  CHECK(feedback.residual(8).empty());
  CHECK(feedback.rows() == 1);
  // What was left out goes now, and makes room.
  gradients = {0, 1};
  CHECK(feedback.Select({7}, 0.5, absl::MakeSpan(gradients)) == std::vector<uint32_t>{1});
  CHECK(gradients == std::vector<float>{0, 2});
  CHECK(feedback.rows() == 0);
  gradients = {9, 3};
  CHECK(feedback.Select({8}, 0.5, absl::MakeSpan(gradients)) == std::vector<uint32_t>{0});
  CHECK(feedback.residual(8) == std::vector<float>{0, 3});
}

TEST_CASE("dense: what is sent and what is kept add up to the gradients, exactly") {
  constexpr uint64_t kRows = 50;
  constexpr uint32_t kDim = 4;
  DenseErrorFeedback feedback(kRows, kDim);
  std::vector<float> gradients(kRows * kDim), sent(kRows * kDim);
  Random random(3);
  for (int step = 0; step < 100; ++step) {
    const uint64_t first_row = random.NextBelow(kRows);
    std::vector<float> pushed((1 + random.NextBelow(kRows - first_row)) * kDim);
    for (size_t i = 0; i < pushed.size(); ++i) {
      pushed[i] = SmallInteger(&random);
      gradients[first_row * kDim + i] += pushed[i];
    }
    const auto positions = feedback.Select(first_row, 0.1, absl::MakeSpan(pushed));
    CHECK(positions.size() == TopKCount(pushed.size(), 0.1));
    for (const uint32_t i : positions) sent[first_row * kDim + i] += pushed[i];
    for (size_t i = 0; i < gradients.size(); ++i) {
      REQUIRE(gradients[i] == sent[i] + feedback.residuals()[i]);
    }
  }
}

TEST_CASE("a small gradient is sent in the end") {
  DenseErrorFeedback feedback(10, 1);
  float sent = 0;
  for (int step = 0; step < 100; ++step) {
    std::vector<float> gradients(10, 1.0f);
    gradients[4] = 0.25f;
    for (const uint32_t i : feedback.Select(0, 0.1, absl::MakeSpan(gradients))) {
      if (i == 4) sent += gradients[i];
    }
  }
  CHECK(sent > 15);
  CHECK(sent + feedback.residuals()[4] == 25);
}

}  // namespace
}  // namespace paramd
