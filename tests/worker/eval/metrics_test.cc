#include "worker/eval/metrics.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "common/base/random.h"

namespace paramd {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// From the definition: over all pairs.
double AucOfPairs(const std::vector<float>& positives, const std::vector<float>& negatives) {
  double wins = 0;
  for (const float p : positives)
    for (const float n : negatives) wins += p > n ? 1 : p == n ? 0.5 : 0;
  return wins / static_cast<double>(positives.size() * negatives.size());
}

std::vector<float> Scores(Random& random, size_t count, uint64_t distinct) {
  std::vector<float> scores(count);
  for (float& score : scores) {
    score = static_cast<float>(random.NextBelow(distinct)) / static_cast<float>(distinct);
  }
  return scores;
}

TEST_CASE("AUC is that of all pairs, with many ties and with few") {
  Random random(1);
  for (const uint64_t distinct : {1, 2, 10, 1000000}) {
    for (const size_t count : {1, 2, 10, 300}) {
      const std::vector<float> positives = Scores(random, count, distinct);
      const std::vector<float> negatives = Scores(random, 2 * count + 1, distinct);
      CHECK(Auc(positives, negatives) == Approx(AucOfPairs(positives, negatives)).epsilon(1e-12));
    }
  }
}

TEST_CASE("AUC of a perfect, an inverted and a constant score") {
  CHECK(Auc({2, 3}, {0, 1}) == 1);
  CHECK(Auc({0, 1}, {2, 3}) == 0);
  CHECK(Auc({1, 1}, {1, 1, 1}) == 0.5);
}

TEST_CASE("AUC without one of the classes, or with NaN, is NaN") {
  CHECK(std::isnan(Auc({}, {1})));
  CHECK(std::isnan(Auc({1}, {})));
  CHECK(std::isnan(Auc({1, kNaN}, {1})));
  CHECK(std::isnan(Auc({1}, {kNaN})));
}

TEST_CASE("binary metrics, whatever the batches and whether negatives are 0 or -1") {
  const std::vector<float> scores = {0.9f, 0.2f, 0.5f, 0.7f, 0.1f};
  const double logloss =
      -(std::log(0.9) + std::log(0.8) + std::log(0.5) + std::log(0.3) + std::log(0.1)) / 5;
  for (const float negative : {0.0f, -1.0f}) {
    const std::vector<float> labels = {1, negative, 1, negative, 1};
    MetricsAccumulator accumulator(Task::kBinary, 1);
    accumulator.Add({labels.data(), 2}, {scores.data(), 2});
    accumulator.Add({labels.data() + 2, 3}, {scores.data() + 2, 3});
    const v1::Metrics metrics = accumulator.Finish();
    CHECK(metrics.examples() == 5);
    CHECK(metrics.auc() == Approx(3.0 / 6));
    CHECK(metrics.logloss() == Approx(logloss).epsilon(1e-6));
    CHECK(metrics.accuracy() == Approx(2.0 / 5));
    CHECK(std::isnan(metrics.rmse()));
    CHECK(metrics.loss() == metrics.logloss());
  }
}

TEST_CASE("log loss of a certain and wrong prediction is clipped") {
  MetricsAccumulator accumulator(Task::kBinary, 1);
  accumulator.Add({1, 0}, {0, 0});
  CHECK(accumulator.Finish().logloss() == Approx(-std::log(1e-15) / 2));
}

TEST_CASE("multiclass metrics") {
  MetricsAccumulator accumulator(Task::kMulticlass, 3);
  accumulator.Add({0, 2}, {0.7f, 0.2f, 0.1f, 0.4f, 0.4f, 0.2f});
  accumulator.Add({1}, {0.1f, 0.6f, 0.3f});
  const v1::Metrics metrics = accumulator.Finish();
  CHECK(metrics.logloss() == Approx(-(std::log(0.7) + std::log(0.2) + std::log(0.6)) / 3));
  CHECK(metrics.accuracy() == Approx(2.0 / 3));
  CHECK(std::isnan(metrics.auc()));
  CHECK(std::isnan(metrics.rmse()));
}

TEST_CASE("regression metrics") {
  MetricsAccumulator accumulator(Task::kRegression, 1);
  accumulator.Add({1, 2, 3}, {1, 4, 2});
  const v1::Metrics metrics = accumulator.Finish();
  CHECK(metrics.rmse() == Approx(std::sqrt(5.0 / 3)));
  CHECK(metrics.loss() == Approx(5.0 / 6));
  CHECK(std::isnan(metrics.logloss()));
  CHECK(std::isnan(metrics.accuracy()));
}

TEST_CASE("clustering metrics") {
  MetricsAccumulator accumulator(Task::kClustering, 2);
  accumulator.Add({5, 5, 5}, {0, 1.5f, 2, 0.5f, 1, 4});
  const v1::Metrics metrics = accumulator.Finish();
  CHECK(metrics.examples() == 3);
  CHECK(metrics.loss() == Approx(2));
  CHECK(std::isnan(metrics.logloss()));
  CHECK(std::isnan(metrics.rmse()));
}

TEST_CASE("nothing is known without examples, without a task or after NaN") {
  const auto unknown = [](const v1::Metrics& metrics) {
    return std::isnan(metrics.auc()) && std::isnan(metrics.logloss()) &&
           std::isnan(metrics.accuracy()) && std::isnan(metrics.rmse()) &&
           std::isnan(metrics.loss());
  };
  CHECK(unknown(MetricsAccumulator(Task::kBinary, 1).Finish()));
  MetricsAccumulator none(Task::kNone, 1);
  none.Add({5}, {1});
  CHECK(none.Finish().examples() == 1);
  CHECK(unknown(none.Finish()));
  MetricsAccumulator diverged(Task::kBinary, 1);
  diverged.Add({1, 0, 1}, {0.5f, kNaN, 1});
  CHECK(unknown(diverged.Finish()));
}

TEST_CASE("the loss of word vectors is the mean over all pairs") {
  MetricsAccumulator accumulator(Task::kEmbedding, 2);
  accumulator.Add({0, 0, 0}, {6, 3, 0, 0, 4, 1});
  CHECK(accumulator.Finish().loss() == Approx(10.0 / 4));
  MetricsAccumulator none(Task::kEmbedding, 2);
  none.Add({0}, {0, 0});
  CHECK(std::isnan(none.Finish().loss()));
}

}  // namespace
}  // namespace paramd
