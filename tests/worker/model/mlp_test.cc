#include <catch2/catch.hpp>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "tests/testing/count_allocations.h"
#include "tests/worker/model/gradient_check.h"
#include "tests/worker/model/network_reference.h"
#include "worker/model/create_model.h"

namespace paramd {
namespace {

constexpr uint32_t kFeatures = 6;

v1::Model Config(v1::Model::Objective objective, std::vector<uint32_t> hidden,
                 v1::Model::Activation activation = v1::Model::RELU, double dropout = 0) {
  v1::Model config;
  config.set_type(v1::Model::MLP);
  config.set_seed(42);
  config.set_classes(3);
  config.set_objective(objective);
  config.mutable_hidden()->Add(hidden.begin(), hidden.end());
  config.set_activation(activation);
  config.set_dropout(dropout);
  return config;
}

std::unique_ptr<Model> Make(const v1::Model& config, bool sparse = false) {
  return *CreateModel(config, {.sparse = sparse, .columns = sparse ? 0 : int64_t{kFeatures}});
}

// Labels 0 and 1 in turn. Of a sparse batch every third feature is left out.
Batch MakeBatch(size_t rows, bool sparse = false, uint64_t seed = 5) {
  Random random(seed);
  Batch batch;
  batch.sparse = sparse;
  batch.dense_cols = sparse ? 0 : kFeatures;
  if (sparse) batch.row_offsets.push_back(0);
  for (uint32_t i = 0; sparse && rows > 0 && i < kFeatures; ++i) batch.unique_keys.push_back(9 * i);
  for (size_t row = 0; row < rows; ++row) {
    batch.labels.push_back(static_cast<float>(row % 2));
    for (uint32_t i = 0; i < kFeatures; ++i) {
      if (sparse && (row + i) % 3 == 0) continue;
      if (sparse) batch.columns.push_back(i);
      batch.values.push_back(static_cast<float>(2 * random.NextUnit() - 1));
    }
    if (sparse) batch.row_offsets.push_back(static_cast<uint32_t>(batch.values.size()));
  }
  return batch;
}

std::vector<double> FeaturesOf(const Batch& batch, size_t row) {
  std::vector<double> x(kFeatures);
  if (batch.sparse) {
    for (size_t i = batch.row_offsets[row]; i < batch.row_offsets[row + 1]; ++i)
      x[batch.columns[i]] = batch.values[i];
  } else {
    for (size_t i = 0; i < kFeatures; ++i) x[i] = batch.values[row * kFeatures + i];
  }
  return x;
}

double SumOfLosses(const v1::Model& config, const Batch& batch, const DoubleArrays& parameters) {
  double sum = 0;
  for (size_t row = 0; row < batch.rows(); ++row) {
    const std::vector<double> z =
        RunLayers(config.activation(), FeaturesOf(batch, row), parameters);
    sum += WeightOf(batch, row) * ObjectiveLoss(config.objective(), batch.labels[row], z);
  }
  return sum;
}

void CheckMlp(const v1::Model& config, bool sparse, bool weighted) {
  INFO(config.ShortDebugString() << (sparse ? " sparse" : "") << (weighted ? " weighted" : ""));
  const std::unique_ptr<Model> model = Make(config, sparse);
  Batch batch = MakeBatch(12, sparse);
  for (size_t row = 0; weighted && row < batch.rows(); ++row) {
    batch.weights.push_back(0.25f * static_cast<float>(row % 5));
  }
  CheckGradients(*model, batch, [&](const DoubleArrays& parameters) {
    return SumOfLosses(config, batch, parameters);
  });
}

TEST_CASE("gradients are those of finite differences") {
  for (const auto activation : {v1::Model::RELU, v1::Model::TANH, v1::Model::SIGMOID}) {
    for (const bool sparse : {false, true}) {
      CheckMlp(Config(v1::Model::MULTICLASS, {5}, activation), sparse, false);
      CheckMlp(Config(v1::Model::BINARY, {4, 3}, activation), sparse, true);
    }
  }
  CheckMlp(Config(v1::Model::REGRESSION, {7, 1, 5}, v1::Model::TANH), false, false);
  CheckMlp(Config(v1::Model::MULTICLASS, {1}), false, true);
}

// The same units are left out by a model that has done as much before, so that the loss of a new
// model is a function of the parameters alone.
TEST_CASE("with dropout, gradients are of what is left of the network") {
  const v1::Model config = Config(v1::Model::BINARY, {6, 5}, v1::Model::TANH, 0.5);
  const Batch batch = MakeBatch(8);
  Arrays parameters = RandomParameters(*Make(config), batch), gradients, unused;
  Gradients(*Make(config), batch, parameters, &gradients);
  for (size_t table = 0; table < parameters.size(); ++table) {
    for (size_t i = 0; i < parameters[table].size(); ++i) {
      constexpr float kStep = 1.0f / 64;
      const float x = parameters[table][i];
      parameters[table][i] = x + kStep;
      const double up = Gradients(*Make(config), batch, parameters, &unused);
      parameters[table][i] = x - kStep;
      const double down = Gradients(*Make(config), batch, parameters, &unused);
      parameters[table][i] = x;
      INFO("table " << table << ", parameter " << i);
      CHECK(gradients[table][i] == Approx((up - down) / (2 * kStep * 8)).margin(2e-4));
    }
  }
}

TEST_CASE("units that are left out are the same again for the same seed, batches and steps") {
  const Batch batch = MakeBatch(8);
  v1::Model config = Config(v1::Model::BINARY, {16}, v1::Model::RELU, 0.3);
  const std::unique_ptr<Model> one = Make(config), two = Make(config);
  const Arrays parameters = RandomParameters(*one, batch);
  Arrays gradients;
  const double loss = Gradients(*one, batch, parameters, &gradients);
  CHECK(Gradients(*two, batch, parameters, &gradients) == loss);
  // The next step leaves out others, and so does another seed.
  const double second = Gradients(*one, batch, parameters, &gradients);
  CHECK(second != loss);
  CHECK(Gradients(*two, batch, parameters, &gradients) == second);
  config.set_seed(43);
  CHECK(Gradients(*Make(config), batch, parameters, &gradients) != loss);

  // Prediction leaves out nothing.
  std::vector<float> with, without;
  one->Predict(batch, Spans(parameters), &with);
  Make(Config(v1::Model::BINARY, {16}))->Predict(batch, Spans(parameters), &without);
  CHECK(with == without);
}

TEST_CASE("tables, their initial values and optimizers") {
  const auto describe = [](const Model& model) {
    std::string text;
    for (const v1::TableSpec& table : model.Tables()) {
      text += table.name() + " " + v1::TableSpec::Kind_Name(table.kind()) + " " +
              std::to_string(table.rows()) + "x" + std::to_string(table.dim()) + ";";
      CHECK(table.optimizer().type() == v1::Optimizer::ADAGRAD);
    }
    return text;
  };
  const auto relu = Make(Config(v1::Model::MULTICLASS, {}));
  CHECK(describe(*relu) ==
        "layer0.weights DENSE 6x128;layer0.bias DENSE 1x128;"
        "layer1.weights DENSE 128x3;layer1.bias DENSE 1x3;");
  CHECK(relu->Tables()[0].initial_scale() == Approx(std::sqrt(6.0 / 6)));
  CHECK(relu->Tables()[1].initial_scale() == 0);
  CHECK(relu->Tables()[2].initial_scale() == Approx(std::sqrt(6.0 / (128 + 3))));
  const auto tanh = Make(Config(v1::Model::REGRESSION, {4, 5}, v1::Model::TANH), true);
  CHECK(describe(*tanh) ==
        "layer0.weights SPARSE 0x4;layer0.bias DENSE 1x4;"
        "layer1.weights DENSE 4x5;layer1.bias DENSE 1x5;"
        "layer2.weights DENSE 5x1;layer2.bias DENSE 1x1;");
  CHECK(tanh->Tables()[2].initial_scale() == Approx(std::sqrt(6.0 / (4 + 5))));
}

TEST_CASE("predictions are probabilities, or values") {
  const Batch batch = MakeBatch(4);
  for (const auto objective : {v1::Model::MULTICLASS, v1::Model::BINARY, v1::Model::REGRESSION}) {
    const std::unique_ptr<Model> model = Make(Config(objective, {5}, v1::Model::TANH));
    const Arrays parameters = RandomParameters(*model, batch);
    std::vector<float> scores;
    model->Predict(batch, Spans(parameters), &scores);
    const size_t k = static_cast<size_t>(model->outputs());
    REQUIRE(scores.size() == 4 * k);
    const DoubleArrays layers = [&] {
      DoubleArrays arrays;
      for (const auto& table : parameters) arrays.emplace_back(table.begin(), table.end());
      return arrays;
    }();
    for (size_t row = 0; row < 4; ++row) {
      const std::vector<double> z = RunLayers(v1::Model::TANH, FeaturesOf(batch, row), layers);
      double sum = 0;
      for (const double x : z) sum += std::exp(x);
      for (size_t i = 0; i < k; ++i) {
        const double score = objective == v1::Model::REGRESSION ? z[i]
                             : objective == v1::Model::BINARY   ? 1 / (1 + std::exp(-z[i]))
                                                                : std::exp(z[i]) / sum;
        CHECK(scores[row * k + i] == Approx(score).epsilon(1e-5));
      }
    }
  }
}

TEST_CASE("an empty batch has loss 0 and gradients 0") {
  for (const bool sparse : {true, false}) {
    for (const double dropout : {0.0, 0.5}) {
      const std::unique_ptr<Model> model =
          Make(Config(v1::Model::MULTICLASS, {4, 5}, v1::Model::RELU, dropout), sparse);
      const Batch batch = MakeBatch(0, sparse);
      Arrays gradients;
      const Arrays parameters = RandomParameters(*model, batch);
      CHECK(Gradients(*model, batch, parameters, &gradients) == 0);
      for (const std::vector<float>& table : gradients) {
        CHECK(table == std::vector<float>(table.size(), 0));
      }
      std::vector<float> scores;
      model->Predict(batch, Spans(parameters), &scores);
      CHECK(scores.empty());
    }
  }
}

TEST_CASE("batches of sizes seen before allocate nothing") {
  const std::unique_ptr<Model> model =
      Make(Config(v1::Model::MULTICLASS, {8, 4}, v1::Model::TANH, 0.5));
  const Batch large = MakeBatch(32), small = MakeBatch(20);
  const Arrays parameters = RandomParameters(*model, large);
  Arrays gradients = parameters;
  const std::vector<absl::Span<const float>> inputs = Spans(parameters);
  std::vector<absl::Span<float>> outputs;
  for (std::vector<float>& table : gradients) outputs.push_back(absl::MakeSpan(table));
  for (int i = 0; i < 2; ++i) model->Gradients(large, inputs, outputs);
  const size_t before = Allocations();
  for (const Batch* batch : {&small, &large, &small}) model->Gradients(*batch, inputs, outputs);
  CHECK(Allocations() == before);
}

TEST_CASE("bad labels and settings") {
  Batch batch = MakeBatch(1);
  batch.labels[0] = 3;
  CHECK(Make(Config(v1::Model::MULTICLASS, {2}))->CheckLabels(batch).message() ==
        "label 3: mlp with 3 classes needs whole numbers from 0 to 2");
  CHECK(Make(Config(v1::Model::BINARY, {2}))->CheckLabels(batch).message() ==
        "label 3: mlp needs labels 0 and 1, or -1 and +1");
  CHECK(Make(Config(v1::Model::REGRESSION, {2}))->CheckLabels(batch).ok());

  const auto error = [](const v1::Model& config) {
    return std::string(CreateModel(config, {.sparse = true}).status().message());
  };
  CHECK(error(Config(v1::Model::MULTICLASS, {3, 0})) ==
        "model.hidden: a layer needs at least 1 unit");
  v1::Model one_class = Config(v1::Model::MULTICLASS, {3});
  one_class.set_classes(1);
  CHECK(error(one_class) == "model.classes: mlp needs at least 2 classes, not 1");
  CHECK(error(Config(v1::Model::OBJECTIVE_UNSPECIFIED, {3})) ==
        "model.objective: mlp cannot have objective OBJECTIVE_UNSPECIFIED");
}

}  // namespace
}  // namespace paramd
