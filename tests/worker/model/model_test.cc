#include "worker/model/model.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "tests/worker/model/gradient_check.h"
#include "worker/model/create_model.h"

namespace paramd {
namespace {

constexpr int kClasses = 3;
constexpr int64_t kFeatures = 7;

v1::Model Config(v1::Model::Type type) {
  v1::Model config;
  config.set_type(type);
  config.set_classes(kClasses);
  return config;
}

DatasetShape Shape(bool sparse) { return {.sparse = sparse, .columns = sparse ? 0 : kFeatures}; }

// Features of every row, with zeros in between; labels from 0 to `labels` - 1.
struct Example {
  std::vector<double> features;
  float label;
};

std::vector<Example> Examples(int rows, int labels) {
  Random random(11);
  std::vector<Example> examples(rows);
  for (Example& example : examples) {
    example.label = static_cast<float>(random.NextBelow(labels));
    for (int64_t i = 0; i < kFeatures; ++i) {
      const float value = static_cast<float>(2 * random.NextUnit() - 1);
      example.features.push_back(random.NextBelow(3) == 0 ? 0 : value);
    }
  }
  return examples;
}

Batch MakeBatch(const std::vector<Example>& examples, bool sparse) {
  Batch batch;
  batch.sparse = sparse;
  batch.dense_cols = sparse ? 0 : kFeatures;
  if (sparse) {
    batch.row_offsets.push_back(0);
    for (int64_t i = 0; i < kFeatures; ++i) batch.unique_keys.push_back(1000 + 10 * i);
  }
  for (const Example& example : examples) {
    batch.labels.push_back(example.label);
    for (int64_t i = 0; i < kFeatures; ++i) {
      if (sparse && example.features[i] == 0) continue;
      if (sparse) batch.columns.push_back(static_cast<uint32_t>(i));
      batch.values.push_back(static_cast<float>(example.features[i]));
    }
    if (sparse) batch.row_offsets.push_back(static_cast<uint32_t>(batch.values.size()));
  }
  return batch;
}

// The losses again, in double and from their definitions.
using Loss = std::function<double(double label, const std::vector<double>& z)>;

double SquaredLoss(double y, const std::vector<double>& z) { return (z[0] - y) * (z[0] - y) / 2; }

double LogisticLoss(double y, const std::vector<double>& z) {
  const double p = 1 / (1 + std::exp(-z[0]));
  return -std::log(y > 0 ? p : 1 - p);
}

double SoftmaxLoss(double y, const std::vector<double>& z) {
  double sum = 0;
  for (const double x : z) sum += std::exp(x);
  return -std::log(std::exp(z[static_cast<size_t>(y)]) / sum);
}

// Parameters: weights [features][k], then bias [k].
double SumOfLosses(const Loss& loss, const std::vector<Example>& examples,
                   const std::vector<double>& parameters, size_t k) {
  double sum = 0;
  for (const Example& example : examples) {
    std::vector<double> z(parameters.end() - static_cast<ptrdiff_t>(k), parameters.end());
    for (size_t i = 0; i < example.features.size(); ++i)
      for (size_t j = 0; j < k; ++j) z[j] += example.features[i] * parameters[i * k + j];
    sum += loss(example.label, z);
  }
  return sum;
}

void CheckGradients(v1::Model::Type type, size_t k, int labels, const Loss& loss, bool sparse) {
  INFO(v1::Model::Type_Name(type) << (sparse ? " sparse" : " dense"));
  const std::vector<Example> examples = Examples(20, labels);
  std::unique_ptr<Model> model = *CreateModel(Config(type), Shape(sparse));
  Random random(3);
  std::vector<float> weights(kFeatures * k), bias(k);
  for (float& w : weights) w = static_cast<float>(random.NextUnit() - 0.5);
  for (float& b : bias) b = static_cast<float>(random.NextUnit() - 0.5);
  std::vector<double> parameters(weights.begin(), weights.end());
  parameters.insert(parameters.end(), bias.begin(), bias.end());

  Arrays gradients;
  const double sum = Gradients(*model, MakeBatch(examples, sparse), {weights, bias}, &gradients);
  CHECK(sum == Approx(SumOfLosses(loss, examples, parameters, k)).epsilon(1e-6));

  for (size_t i = 0; i < parameters.size(); ++i) {
    constexpr double kStep = 1e-5;
    std::vector<double> up = parameters, down = parameters;
    up[i] += kStep;
    down[i] -= kStep;
    const double difference =
        (SumOfLosses(loss, examples, up, k) - SumOfLosses(loss, examples, down, k)) /
        (2 * kStep * static_cast<double>(examples.size()));
    const float gradient = i < weights.size() ? gradients[0][i] : gradients[1][i - weights.size()];
    INFO("parameter " << i);
    CHECK(gradient == Approx(difference).margin(1e-6).epsilon(1e-5));
  }
}

TEST_CASE("gradients are those of finite differences") {
  for (const bool sparse : {true, false}) {
    CheckGradients(v1::Model::LINEAR_REGRESSION, 1, 5, SquaredLoss, sparse);
    CheckGradients(v1::Model::LOGISTIC_REGRESSION, 1, 2, LogisticLoss, sparse);
    CheckGradients(v1::Model::SOFTMAX_REGRESSION, kClasses, kClasses, SoftmaxLoss, sparse);
  }
}

TEST_CASE("feature_sum: minus the sum of the features, loss 0") {
  const std::vector<Example> examples = Examples(20, 2);
  for (const bool sparse : {true, false}) {
    std::unique_ptr<Model> model = *CreateModel(Config(v1::Model::FEATURE_SUM), Shape(sparse));
    REQUIRE(model->Tables().size() == 1);
    Arrays gradients;
    const std::vector<float> weights(kFeatures, 1.0f);
    CHECK(Gradients(*model, MakeBatch(examples, sparse), {weights}, &gradients) == 0);
    for (int64_t i = 0; i < kFeatures; ++i) {
      double sum = 0;
      for (const Example& example : examples) sum += example.features[i];
      CHECK(gradients[0][i] == Approx(-sum).margin(1e-6));
    }
  }
}

TEST_CASE("predictions are probabilities, or values") {
  const std::vector<float> weights = {1, 0, 0, 0, 0, 0, 0}, bias = {-1};
  std::vector<float> scores;
  Batch batch = MakeBatch({{{3, 0, 0, 0, 0, 0, 0}, 1}, {{0, 5, 0, 0, 0, 0, 0}, 0}}, true);
  (*CreateModel(Config(v1::Model::LINEAR_REGRESSION), Shape(true)))
      ->Predict(batch, {weights, bias}, &scores);
  CHECK(scores == std::vector<float>{2, -1});
  (*CreateModel(Config(v1::Model::LOGISTIC_REGRESSION), Shape(true)))
      ->Predict(batch, {weights, bias}, &scores);
  CHECK(scores[0] == Approx(1 / (1 + std::exp(-2.0))));
  CHECK(scores[1] == Approx(1 / (1 + std::exp(1.0))));

  const std::vector<float> none(kFeatures * kClasses, 0), logits = {0, std::log(2.0f), 0};
  std::unique_ptr<Model> softmax = *CreateModel(Config(v1::Model::SOFTMAX_REGRESSION), Shape(true));
  CHECK(softmax->outputs() == kClasses);
  softmax->Predict(batch, {none, logits}, &scores);
  REQUIRE(scores.size() == 6);
  for (int row : {0, 3}) {
    CHECK(scores[row] == Approx(0.25));
    CHECK(scores[row + 1] == Approx(0.5));
    CHECK(scores[row + 2] == Approx(0.25));
  }
}

TEST_CASE("huge scores neither overflow nor give NaN") {
  const Batch right = MakeBatch({{{1, 0, 0, 0, 0, 0, 0}, 1}}, true);
  const Batch wrong = MakeBatch({{{1, 0, 0, 0, 0, 0, 0}, 0}}, true);
  std::vector<float> scores;
  Arrays gradients;
  std::vector<float> weights(kFeatures, 0), bias = {1e4f};
  std::unique_ptr<Model> logistic =
      *CreateModel(Config(v1::Model::LOGISTIC_REGRESSION), Shape(true));
  CHECK(Gradients(*logistic, right, {weights, bias}, &gradients) == 0);
  CHECK(gradients[1][0] == 0);
  CHECK(Gradients(*logistic, wrong, {weights, bias}, &gradients) == 1e4);
  CHECK(gradients[1][0] == 1);
  logistic->Predict(right, {weights, bias}, &scores);
  CHECK(scores[0] == 1);

  weights.assign(kFeatures * kClasses, 0);
  bias = {1e4f, -1e4f, 0};
  std::unique_ptr<Model> softmax = *CreateModel(Config(v1::Model::SOFTMAX_REGRESSION), Shape(true));
  CHECK(Gradients(*softmax, right, {weights, bias}, &gradients) == 2e4);
  CHECK(gradients[1] == std::vector<float>{1, -1, 0});
  CHECK(Gradients(*softmax, wrong, {weights, bias}, &gradients) == 0);
}

TEST_CASE("an empty batch has loss 0 and gradients 0") {
  for (const bool sparse : {true, false}) {
    Batch batch = MakeBatch({}, sparse);
    batch.unique_keys.clear();
    std::unique_ptr<Model> model =
        *CreateModel(Config(v1::Model::LOGISTIC_REGRESSION), Shape(sparse));
    const std::vector<float> weights(sparse ? 0 : kFeatures, 1), bias = {1};
    Arrays gradients;
    CHECK(Gradients(*model, batch, {weights, bias}, &gradients) == 0);
    CHECK(gradients[0] == std::vector<float>(weights.size(), 0));
    CHECK(gradients[1] == std::vector<float>{0});
  }
}

TEST_CASE("models declare their tables") {
  const auto describe = [](v1::Model::Type type, bool sparse) {
    std::string text;
    for (const v1::TableSpec& table : (*CreateModel(Config(type), Shape(sparse)))->Tables()) {
      text += table.name() + " " + v1::TableSpec::Kind_Name(table.kind()) + " " +
              std::to_string(table.rows()) + "x" + std::to_string(table.dim()) + ";";
    }
    return text;
  };
  CHECK(describe(v1::Model::LINEAR_REGRESSION, true) == "weights SPARSE 0x1;bias DENSE 1x1;");
  CHECK(describe(v1::Model::LOGISTIC_REGRESSION, false) == "weights DENSE 7x1;bias DENSE 1x1;");
  CHECK(describe(v1::Model::SOFTMAX_REGRESSION, true) == "weights SPARSE 0x3;bias DENSE 1x3;");
  CHECK(describe(v1::Model::FEATURE_SUM, false) == "weights DENSE 7x1;");
}

TEST_CASE("labels that a model has no meaning for") {
  const auto check = [](v1::Model::Type type, float label) {
    return (*CreateModel(Config(type), Shape(true)))
        ->CheckLabels(MakeBatch({{std::vector<double>(kFeatures), label}}, true));
  };
  for (const float label : {0.0f, 1.0f, -1.0f}) {
    CHECK(check(v1::Model::LOGISTIC_REGRESSION, label).ok());
  }
  CHECK(check(v1::Model::LOGISTIC_REGRESSION, 2).message() ==
        "label 2: logistic regression needs labels 0 and 1, or -1 and +1");
  CHECK(check(v1::Model::SOFTMAX_REGRESSION, 2).ok());
  CHECK(check(v1::Model::SOFTMAX_REGRESSION, 3).message() ==
        "label 3: softmax regression with 3 classes needs whole numbers from 0 to 2");
  CHECK(check(v1::Model::SOFTMAX_REGRESSION, -1).code() == absl::StatusCode::kInvalidArgument);
  CHECK(check(v1::Model::SOFTMAX_REGRESSION, 0.5).code() == absl::StatusCode::kInvalidArgument);
  CHECK(check(v1::Model::LINEAR_REGRESSION, -1e9f).ok());
}

TEST_CASE("models that cannot be made") {
  CHECK_FALSE(CreateModel(v1::Model(), Shape(true)).ok());
  CHECK_FALSE(CreateModel(Config(v1::Model::LINEAR_REGRESSION), {.sparse = false}).ok());
  v1::Model one_class = Config(v1::Model::SOFTMAX_REGRESSION);
  one_class.set_classes(1);
  CHECK_FALSE(CreateModel(one_class, Shape(true)).ok());
}

}  // namespace
}  // namespace paramd
