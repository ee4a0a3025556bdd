#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "common/base/random.h"
#include "tests/worker/model/gradient_check.h"
#include "worker/model/create_model.h"
#include "worker/model/kmeans_seeding.h"
#include "worker/model/nearest_centre.h"

namespace paramd {
namespace {

std::unique_ptr<Model> MakeModel(uint32_t clusters, int64_t columns) {
  v1::Model config;
  config.set_type(v1::Model::KMEANS);
  config.set_clusters(clusters);
  config.set_seed(42);
  return *CreateModel(config, {.sparse = false, .columns = columns});
}

Batch DenseBatch(std::vector<float> values, int64_t columns) {
  Batch batch;
  batch.sparse = false;
  batch.dense_cols = columns;
  batch.labels.assign(values.size() / static_cast<size_t>(columns), 0);
  batch.values = std::move(values);
  return batch;
}

// About normal around each of the centres in turn.
std::vector<float> Blobs(const std::vector<float>& centres, size_t dims, size_t points,
                         double deviation) {
  Random random(9);
  std::vector<float> values;
  for (size_t i = 0; i < points; ++i) {
    const size_t centre = i % (centres.size() / dims);
    for (size_t j = 0; j < dims; ++j) {
      double sum = -6;
      for (int k = 0; k < 12; ++k) sum += random.NextUnit();
      values.push_back(static_cast<float>(centres[centre * dims + j] + deviation * sum));
    }
  }
  return values;
}

std::vector<float> RandomValues(size_t count, double from, double to, uint64_t seed) {
  Random random(seed);
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(from + (to - from) * random.NextUnit());
  return values;
}

// From the definition, over all pairs.
double MeanSquare(const std::vector<float>& points, const std::vector<float>& centres,
                  size_t dims) {
  double sum = 0;
  for (size_t i = 0; i < points.size(); i += dims) {
    double least = std::numeric_limits<double>::infinity();
    for (size_t c = 0; c < centres.size(); c += dims) {
      double square = 0;
      for (size_t j = 0; j < dims; ++j)
        square += std::pow(double{points[i + j]} - centres[c + j], 2);
      least = std::min(least, square);
    }
    sum += least;
  }
  return sum / static_cast<double>(points.size() / dims);
}

TEST_CASE("the nearest centre is that of all pairs, also far from the origin") {
  for (const double origin : {0.0, 10000.0}) {
    for (const size_t k : {1, 2, 7, 300}) {
      constexpr size_t kDims = 5, kPoints = 2000;
      const std::vector<float> points = RandomValues(kPoints * kDims, origin, origin + 4, 1);
      const std::vector<float> centres = RandomValues(k * kDims, origin, origin + 4, 2);
      NearestCentre nearest;
      nearest.Find(points, centres, kDims);
      REQUIRE(nearest.numbers().size() == kPoints);
      double sum = 0;
      for (const double distance : nearest.distances()) sum += distance;
      CHECK(sum / kPoints == Approx(MeanSquare(points, centres, kDims)).epsilon(1e-6));
    }
  }
}

TEST_CASE("seeds find every blob, whatever the seed") {
  constexpr size_t kDims = 3, kClusters = 15;
  const std::vector<float> planted = RandomValues(kClusters * kDims, -20, 20, 4);
  const std::vector<float> points = Blobs(planted, kDims, 1500, 1);
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const std::vector<float> seeds = SeedCentres(points, kDims, kClusters, seed);
    REQUIRE(seeds.size() == planted.size());
    CHECK(MeanSquare(points, seeds, kDims) <= 1.02 * MeanSquare(points, planted, kDims));
  }
  CHECK(SeedCentres(points, kDims, kClusters, 1) == SeedCentres(points, kDims, kClusters, 1));
}

TEST_CASE("fewer different points than clusters") {
  const std::vector<float> points = {1, 2, 1, 2, 1, 2};
  CHECK(SeedCentres(points, 1, 2, 0).size() == 2);
  CHECK(MeanSquare(points, SeedCentres(points, 1, 4, 0), 1) == 0);
  CHECK(SeedCentres({5, 6}, 2, 3, 0) == std::vector<float>{5, 6, 5, 6, 5, 6});
}

TEST_CASE("gradients: minus the sums and numbers of the points of each centre") {
  std::unique_ptr<Model> model = MakeModel(3, 2);
  // Centres (0, 0), (10, 0); the third has had no point.
  const std::vector<float> sums = {0, 0, 4, 20, 0, 2, 0, 0, 0};
  Batch batch = DenseBatch({1, 1, 9, 0, -1, 2, 12, 3}, 2);
  Arrays gradients;
  CHECK(Gradients(*model, batch, {sums}, &gradients) == Approx(2 + 1 + 5 + 13));
  CHECK(gradients[0] == std::vector<float>{0, -3, -2, -21, -3, -2, 0, 0, 0});
  batch.weights = {1, 2, 0, 0.5};
  CHECK(Gradients(*model, batch, {sums}, &gradients) == Approx(2 + 2 + 6.5));
  CHECK(gradients[0] == std::vector<float>{-1, -1, -1, -24, -1.5, -2.5, 0, 0, 0});

  std::vector<float> scores;
  model->Predict(batch, {sums}, &scores);
  CHECK(scores == std::vector<float>{0, 2, 1, 1, 0, 5, 1, 13});
}

TEST_CASE("centres without points are where the sample puts them") {
  std::unique_ptr<Model> model = MakeModel(2, 1);
  const std::vector<float> none(4, 0);
  std::vector<float> scores;
  const Batch batch = DenseBatch({1, 1, 1, 7, 7, 7}, 1);
  model->Predict(batch, {none}, &scores);
  CHECK(std::isnan(scores[0]));
  CHECK(std::isnan(scores[1]));
  Arrays gradients;
  CHECK(Gradients(*model, batch, {none}, &gradients) == 0);
  CHECK(gradients[0] == none);

  CHECK(model->SampleRows() >= 100);
  model->Begin(batch);
  model->Predict(batch, {none}, &scores);
  CHECK(scores[0] != scores[6]);
  for (const size_t row : {0, 1, 2, 3, 4, 5}) CHECK(scores[2 * row + 1] == 0);

  // The first gradient has the sample, the next one has not.
  const Batch one = DenseBatch({2}, 1);
  const size_t near = static_cast<size_t>(scores[0]), far = 1 - near;
  CHECK(Gradients(*model, one, {none}, &gradients) == 1);
  CHECK(gradients[0][2 * near] == -5);
  CHECK(gradients[0][2 * near + 1] == -4);
  CHECK(gradients[0][2 * far] == -21);
  CHECK(gradients[0][2 * far + 1] == -3);
  CHECK(Gradients(*model, one, {none}, &gradients) == 1);
  CHECK(gradients[0][2 * near + 1] == -1);
  CHECK(gradients[0][2 * far + 1] == 0);
}

TEST_CASE("k-means declares its table, and refuses sparse data") {
  const std::vector<v1::TableSpec> tables = MakeModel(6, 4)->Tables();
  REQUIRE(tables.size() == 1);
  CHECK(tables[0].name() == "sums");
  CHECK(tables[0].kind() == v1::TableSpec::DENSE);
  CHECK(tables[0].rows() == 6);
  CHECK(tables[0].dim() == 5);
  CHECK(tables[0].optimizer().type() == v1::Optimizer::SGD);
  CHECK(tables[0].optimizer().learning_rate() == 1);
  v1::Model config;
  config.set_type(v1::Model::KMEANS);
  CHECK_THAT(std::string(CreateModel(config, {.sparse = true}).status().message()),
             Catch::Contains("data.format"));
}

TEST_CASE("an empty batch") {
  std::unique_ptr<Model> model = MakeModel(1, 2);
  Arrays gradients;
  CHECK(Gradients(*model, DenseBatch({}, 2), {{1, 2, 1}}, &gradients) == 0);
  CHECK(gradients[0] == std::vector<float>(3, 0));
  model->Begin(DenseBatch({}, 2));
}

}  // namespace
}  // namespace paramd
