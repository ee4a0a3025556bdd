#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
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

constexpr uint32_t kFields = 3;
constexpr uint32_t kKeys = 7;
constexpr v1::Model::Type kTypes[] = {v1::Model::WIDE_DEEP, v1::Model::DEEP_FM};

v1::Model Config(v1::Model::Type type, uint32_t dim, std::vector<uint32_t> hidden) {
  v1::Model config;
  config.set_type(type);
  config.set_seed(42);
  config.set_objective(v1::Model::BINARY);
  config.set_activation(v1::Model::TANH);
  config.set_dim(dim);
  config.set_init_scale(0.1);
  config.mutable_hidden()->Add(hidden.begin(), hidden.end());
  return config;
}

std::unique_ptr<Model> Make(const v1::Model& config) {
  return *CreateModel(config, {.sparse = true, .fields = kFields});
}

// Rows with any number of features in a field; the same feature may come in several fields.
Batch MakeBatch(size_t rows) {
  Random random(5);
  Batch batch;
  batch.row_offsets.push_back(0);
  for (uint64_t key = 0; rows > 0 && key < kKeys; ++key) batch.unique_keys.push_back(100 + 7 * key);
  for (size_t row = 0; row < rows; ++row) {
    batch.labels.push_back(static_cast<float>(row % 2));
    const size_t features = row % 5;
    for (size_t i = 0; i < features; ++i) {
      batch.columns.push_back(static_cast<uint32_t>(random.NextBelow(kKeys)));
      batch.fields.push_back(static_cast<uint32_t>(random.NextBelow(kFields)));
      batch.values.push_back(static_cast<float>(2 * random.NextUnit() - 1));
    }
    batch.row_offsets.push_back(static_cast<uint32_t>(batch.values.size()));
  }
  return batch;
}

// z of a row from the papers' equations, the pairs one by one. `parameters`: linear weights,
// embeddings, layers.
double Output(const v1::Model& config, const Batch& batch, size_t row,
              const DoubleArrays& parameters) {
  const size_t k = config.dim(), begin = batch.row_offsets[row], end = batch.row_offsets[row + 1];
  const auto vector = [&](size_t i, size_t j) {
    return batch.values[i] * parameters[1][batch.columns[i] * k + j];
  };
  std::vector<double> pooled(kFields * k);
  double z = 0;
  for (size_t i = begin; i < end; ++i) {
    z += batch.values[i] * parameters[0][batch.columns[i]];
    for (size_t j = 0; j < k; ++j) pooled[batch.fields[i] * k + j] += vector(i, j);
    for (size_t other = i + 1; config.type() == v1::Model::DEEP_FM && other < end; ++other)
      for (size_t j = 0; j < k; ++j) z += vector(i, j) * vector(other, j);
  }
  return z + RunLayers(config.activation(), pooled, absl::MakeConstSpan(parameters).subspan(2))[0];
}

double SumOfLosses(const v1::Model& config, const Batch& batch, const DoubleArrays& parameters) {
  double sum = 0;
  for (size_t row = 0; row < batch.rows(); ++row) {
    sum += WeightOf(batch, row) * ObjectiveLoss(config.objective(), batch.labels[row],
                                                {Output(config, batch, row, parameters)});
  }
  return sum;
}

void CheckModel(const v1::Model& config, bool weighted) {
  INFO(config.ShortDebugString() << (weighted ? " weighted" : ""));
  Batch batch = MakeBatch(20);
  for (size_t row = 0; weighted && row < batch.rows(); ++row) {
    batch.weights.push_back(0.25f * static_cast<float>(row % 6));
  }
  CheckGradients(*Make(config), batch, [&](const DoubleArrays& parameters) {
    return SumOfLosses(config, batch, parameters);
  });
}

TEST_CASE("gradients are those of finite differences") {
  for (const v1::Model::Type type : kTypes) {
    for (const uint32_t dim : {1, 3, 8}) CheckModel(Config(type, dim, {5, 4}), dim == 3);
    v1::Model config = Config(type, 4, {6});
    config.set_objective(v1::Model::REGRESSION);
    config.set_activation(v1::Model::RELU);
    CheckModel(config, false);
    config.set_activation(v1::Model::SIGMOID);
    CheckModel(config, true);
  }
}

TEST_CASE("predictions are those of the equations") {
  const Batch batch = MakeBatch(9);
  for (const v1::Model::Type type : kTypes) {
    v1::Model config = Config(type, 4, {5});
    const Arrays parameters = RandomParameters(*Make(config), batch);
    DoubleArrays exact;
    for (const auto& table : parameters) exact.emplace_back(table.begin(), table.end());
    // Dropout is for training.
    config.set_dropout(0.5);
    std::vector<float> scores;
    Make(config)->Predict(batch, Spans(parameters), &scores);
    REQUIRE(scores.size() == 9);
    for (size_t row = 0; row < 9; ++row) {
      const double z = Output(config, batch, row, exact);
      CHECK(scores[row] == Approx(1 / (1 + std::exp(-z))).epsilon(1e-5));
    }
  }
}

TEST_CASE("tables, their initial values and optimizers") {
  const auto describe = [](v1::Model::Type type) {
    std::string text;
    for (const v1::TableSpec& table : Make(Config(type, 4, {}))->Tables()) {
      text += table.name() + " " + v1::TableSpec::Kind_Name(table.kind()) + " " +
              std::to_string(table.rows()) + "x" + std::to_string(table.dim()) + " " +
              v1::Optimizer::Type_Name(table.optimizer().type()) + ";";
      if (table.name() == "embeddings") CHECK(table.initial_scale() == 0.1);
    }
    return text;
  };
  const std::string deep =
      "embeddings SPARSE 0x4 ADAGRAD;"
      "layer0.weights DENSE 12x64 ADAGRAD;layer0.bias DENSE 1x64 ADAGRAD;"
      "layer1.weights DENSE 64x32 ADAGRAD;layer1.bias DENSE 1x32 ADAGRAD;"
      "layer2.weights DENSE 32x1 ADAGRAD;layer2.bias DENSE 1x1 ADAGRAD;";
  CHECK(describe(v1::Model::WIDE_DEEP) == "wide SPARSE 0x1 FTRL;" + deep);
  CHECK(describe(v1::Model::DEEP_FM) == "weights SPARSE 0x1 FTRL;" + deep);
}

TEST_CASE("an empty batch has loss 0 and gradients 0") {
  for (const v1::Model::Type type : kTypes) {
    const std::unique_ptr<Model> model = Make(Config(type, 4, {5}));
    const Batch batch = MakeBatch(0);
    Arrays gradients;
    CHECK(Gradients(*model, batch, RandomParameters(*model, batch), &gradients) == 0);
    for (const std::vector<float>& table : gradients) {
      CHECK(table == std::vector<float>(table.size(), 0));
    }
  }
}

TEST_CASE("batches of sizes seen before allocate nothing") {
  for (const v1::Model::Type type : kTypes) {
    const std::unique_ptr<Model> model = Make(Config(type, 4, {8, 4}));
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
}

TEST_CASE("bad labels and settings") {
  Batch batch = MakeBatch(1);
  batch.labels[0] = 3;
  for (const v1::Model::Type type : kTypes) {
    const std::string name = type == v1::Model::WIDE_DEEP ? "wide_deep" : "deep_fm";
    CHECK(Make(Config(type, 4, {5}))->CheckLabels(batch).message() ==
          "label 3: " + name + " needs labels 0 and 1, or -1 and +1");
    const auto error = [](const v1::Model& config, uint32_t fields) {
      const DatasetShape shape = {.sparse = true, .fields = fields};
      return std::string(CreateModel(config, shape).status().message());
    };
    CHECK(error(Config(type, 4, {5}), 0) ==
          "model.type " + name +
              " needs features with fields, which data.format libffm and criteo have, and csv with "
              "categorical columns");
    CHECK(error(Config(type, 4096, {5}), 257) ==
          "model.dim: vectors of length 4096 for each of 257 fields are more than 1048576 inputs; "
          "make it smaller");
    CHECK(error(Config(type, 4, {0}), kFields) == "model.hidden: a layer needs at least 1 unit");
    v1::Model classes = Config(type, 4, {5});
    classes.set_objective(v1::Model::MULTICLASS);
    CHECK(error(classes, kFields) ==
          "model.objective: " + name + " cannot have objective MULTICLASS");
  }
}

// ---- training

// Labels that depend on which of 2 x 8 values of the first two fields come together, and on neither
// alone; the third field is noise. Key of value v of field f: 8 f + v.
Batch Interactions(size_t rows) {
  Random random(9);
  Batch batch;
  batch.row_offsets.push_back(0);
  for (uint64_t key = 0; key < 8 * kFields; ++key) batch.unique_keys.push_back(key);
  for (size_t row = 0; row < rows; ++row) {
    uint32_t values[kFields];
    for (uint32_t field = 0; field < kFields; ++field) {
      values[field] = static_cast<uint32_t>(random.NextBelow(8));
      batch.columns.push_back(8 * field + values[field]);
      batch.fields.push_back(field);
      batch.values.push_back(1);
    }
    batch.labels.push_back(static_cast<float>((values[0] + values[1]) % 2));
    batch.row_offsets.push_back(static_cast<uint32_t>(batch.values.size()));
  }
  return batch;
}

// The mean loss after `steps` steps of AdaGrad with a rate of 0.1 on the whole batch.
double LossAfterTraining(const v1::Model& config, const Batch& batch, int steps) {
  const std::unique_ptr<Model> model = Make(config);
  Arrays parameters = RandomParameters(*model, batch), gradients;
  const std::vector<v1::TableSpec> tables = model->Tables();
  for (size_t table = 0; table < tables.size(); ++table) {
    for (float& x : parameters[table]) {
      x *= 2 * static_cast<float>(tables[table].initial_scale());
    }
  }
  Arrays squares = parameters;
  for (auto& table : squares) std::fill(table.begin(), table.end(), 1e-8f);
  for (int step = 0; step < steps; ++step) {
    Gradients(*model, batch, parameters, &gradients);
    for (size_t table = 0; table < tables.size(); ++table) {
      for (size_t i = 0; i < parameters[table].size(); ++i) {
        const float g = gradients[table][i];
        squares[table][i] += g * g;
        parameters[table][i] -= 0.1f * g / std::sqrt(squares[table][i]);
      }
    }
  }
  return Gradients(*model, batch, parameters, &gradients) / static_cast<double>(batch.rows());
}

TEST_CASE("interactions that a linear model cannot learn") {
  const Batch batch = Interactions(600);
  v1::Model linear;
  linear.set_type(v1::Model::LOGISTIC_REGRESSION);
  CHECK(LossAfterTraining(linear, batch, 200) > 0.6);
  for (const v1::Model::Type type : kTypes) {
    INFO(v1::Model::Type_Name(type));
    CHECK(LossAfterTraining(Config(type, 4, {8}), batch, 200) < 0.1);
  }
}

}  // namespace
}  // namespace paramd
