// Factorization models against their papers' equations, written again in double and pair by pair.
#include <catch2/catch.hpp>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "tests/worker/model/gradient_check.h"
#include "worker/model/create_model.h"

namespace paramd {
namespace {

constexpr uint32_t kColumns = 7;
constexpr uint32_t kFields = 3;

v1::Model Config(v1::Model::Type type, uint32_t dim, v1::Model::Objective objective) {
  v1::Model config;
  config.set_type(type);
  config.set_dim(dim);
  config.set_init_scale(0.25);
  config.set_objective(objective);
  return config;
}

DatasetShape Shape(bool sparse) {
  return {.sparse = sparse, .columns = sparse ? 0 : kColumns, .fields = sparse ? kFields : 0};
}

// Labels 0 and 1, weights from 0 to 2; sparse rows have up to kColumns features, fields at random.
Batch RandomBatch(int rows, bool sparse) {
  Random random(11);
  Batch batch;
  batch.sparse = sparse;
  batch.dense_cols = sparse ? 0 : kColumns;
  if (sparse) {
    batch.row_offsets.push_back(0);
    for (uint64_t i = 0; i < kColumns; ++i) batch.unique_keys.push_back(1000 + 10 * i);
  }
  for (int row = 0; row < rows; ++row) {
    batch.labels.push_back(static_cast<float>(random.NextBelow(2)));
    batch.weights.push_back(static_cast<float>(2 * random.NextUnit()));
    for (uint32_t i = 0; i < kColumns; ++i) {
      const bool absent = random.NextBelow(3) == 0;
      if (sparse && absent) continue;
      batch.values.push_back(absent ? 0 : static_cast<float>(2 * random.NextUnit() - 1));
      if (!sparse) continue;
      batch.columns.push_back(i);
      batch.fields.push_back(static_cast<uint32_t>(random.NextBelow(kFields)));
    }
    if (sparse) batch.row_offsets.push_back(static_cast<uint32_t>(batch.values.size()));
  }
  return batch;
}

struct Feature {
  uint32_t column = 0;
  uint32_t field = 0;
  double value = 0;
};

std::vector<Feature> Features(const Batch& batch, size_t row) {
  std::vector<Feature> features;
  if (batch.sparse) {
    for (uint32_t i = batch.row_offsets[row]; i < batch.row_offsets[row + 1]; ++i) {
      features.push_back({batch.columns[i], batch.fields[i], batch.values[i]});
    }
  } else {
    for (uint32_t i = 0; i < kColumns; ++i) {
      features.push_back({i, 0, batch.values[row * kColumns + i]});
    }
  }
  return features;
}

using Tables = std::vector<std::vector<double>>;
using Score = std::function<double(const std::vector<Feature>&, const Tables&)>;

double Dot(const std::vector<double>& table, size_t a, size_t b, size_t k) {
  double sum = 0;
  for (size_t j = 0; j < k; ++j) sum += table[a + j] * table[b + j];
  return sum;
}

// Tables: weights, bias, vectors. `Pair`: <v_i, v_j> of the two features, with the table.
template <typename Pair>
Score ScoreOfPairs(Pair pair) {
  return [pair](const std::vector<Feature>& features, const Tables& tables) {
    double z = tables[1][0];
    for (size_t i = 0; i < features.size(); ++i) {
      z += tables[0][features[i].column] * features[i].value;
      for (size_t j = i + 1; j < features.size(); ++j) {
        z += pair(features[i], features[j], tables[2]) * features[i].value * features[j].value;
      }
    }
    return z;
  };
}

// Rendle 2010, equation 1.
Score FmScore(size_t k) {
  return ScoreOfPairs([k](const Feature& a, const Feature& b, const std::vector<double>& v) {
    return Dot(v, a.column * k, b.column * k, k);
  });
}

// Juan et al. 2016, equation 4.
Score FfmScore(size_t k) {
  return ScoreOfPairs([k](const Feature& a, const Feature& b, const std::vector<double>& v) {
    return Dot(v, (a.column * kFields + b.field) * k, (b.column * kFields + a.field) * k, k);
  });
}

// Koren et al. 2009, equation 4. Tables: global, biases, vectors.
Score MfScore(size_t k) {
  return [k](const std::vector<Feature>& features, const Tables& tables) {
    const size_t u = features[0].column, i = features[1].column;
    return tables[0][0] + tables[1][u] + tables[1][i] + Dot(tables[2], u * k, i * k, k);
  };
}

double LossOf(v1::Model::Objective objective, double label, double z) {
  if (objective == v1::Model::REGRESSION) return (z - label) * (z - label) / 2;
  const double p = 1 / (1 + std::exp(-z));
  return -std::log(label > 0 ? p : 1 - p);
}

void Check(const v1::Model& config, const Batch& batch, const Score& score) {
  INFO(v1::Model::Type_Name(config.type()) << ", dim " << config.dim() << ", objective "
                                           << config.objective() << ", sparse " << batch.sparse);
  std::unique_ptr<Model> model = *CreateModel(config, Shape(batch.sparse));
  CheckGradients(*model, batch, [&](const Tables& tables) {
    double sum = 0;
    for (size_t row = 0; row < batch.rows(); ++row) {
      const double z = score(Features(batch, row), tables);
      sum += batch.weights[row] * LossOf(config.objective(), batch.labels[row], z);
    }
    return sum;
  });

  const Arrays parameters = RandomParameters(*model, batch);
  Tables exact;
  for (const std::vector<float>& table : parameters) exact.emplace_back(table.begin(), table.end());
  std::vector<float> scores;
  model->Predict(batch, {parameters[0], parameters[1], parameters[2]}, &scores);
  REQUIRE(scores.size() == batch.rows());
  for (size_t row = 0; row < batch.rows(); ++row) {
    const double z = score(Features(batch, row), exact);
    const bool binary = config.objective() == v1::Model::BINARY;
    CHECK(scores[row] == Approx(binary ? 1 / (1 + std::exp(-z)) : z).epsilon(1e-5).margin(1e-6));
  }
}

TEST_CASE("factorization machine: gradients and predictions") {
  for (const uint32_t dim : {1, 2, 5, 8, 17}) {
    for (const auto objective : {v1::Model::BINARY, v1::Model::REGRESSION}) {
      for (const bool sparse : {true, false}) {
        Check(Config(v1::Model::FACTORIZATION_MACHINE, dim, objective), RandomBatch(20, sparse),
              FmScore(dim));
      }
    }
  }
}

TEST_CASE("field-aware factorization machine: gradients and predictions") {
  for (const uint32_t dim : {1, 4, 7}) {
    for (const auto objective : {v1::Model::BINARY, v1::Model::REGRESSION}) {
      Check(Config(v1::Model::FIELD_AWARE_FM, dim, objective), RandomBatch(20, true),
            FfmScore(dim));
    }
  }
}

// Users 0 to 3, items 4 to 6.
Batch Ratings(int rows) {
  Random random(5);
  Batch batch;
  batch.row_offsets.push_back(0);
  for (uint64_t i = 0; i < kColumns; ++i) batch.unique_keys.push_back(3 * i);
  for (int row = 0; row < rows; ++row) {
    batch.labels.push_back(static_cast<float>(1 + random.NextBelow(5)));
    batch.weights.push_back(static_cast<float>(2 * random.NextUnit()));
    batch.columns.push_back(static_cast<uint32_t>(random.NextBelow(4)));
    batch.columns.push_back(4 + static_cast<uint32_t>(random.NextBelow(3)));
    batch.values.insert(batch.values.end(), {1, 1});
    batch.fields.insert(batch.fields.end(), {0, 1});
    batch.row_offsets.push_back(static_cast<uint32_t>(batch.columns.size()));
  }
  return batch;
}

TEST_CASE("matrix factorization: gradients and predictions") {
  for (const uint32_t dim : {1, 8, 13}) {
    Check(Config(v1::Model::MATRIX_FACTORIZATION, dim, v1::Model::REGRESSION), Ratings(30),
          MfScore(dim));
  }
}

TEST_CASE("matrix factorization: examples that are not a user and an item") {
  std::unique_ptr<Model> model =
      *CreateModel(Config(v1::Model::MATRIX_FACTORIZATION, 2, v1::Model::REGRESSION), Shape(true));
  const Batch good = Ratings(3);
  CHECK(model->CheckLabels(good).ok());
  Batch three = good;
  three.row_offsets = {0, 3, 4, 6};
  CHECK(model->CheckLabels(three).code() == absl::StatusCode::kInvalidArgument);
  CHECK(model->CheckLabels(three).message().find(
            " and 3 features: matrix factorization needs exactly two different ones") !=
        absl::string_view::npos);
  Batch half = good;
  half.values[3] = 0.5;
  CHECK_FALSE(model->CheckLabels(half).ok());
  Batch same = good;
  same.columns[1] = same.columns[0];
  CHECK_FALSE(model->CheckLabels(same).ok());
}

TEST_CASE("an empty batch has loss 0 and gradients 0") {
  for (const auto type : {v1::Model::FACTORIZATION_MACHINE, v1::Model::FIELD_AWARE_FM,
                          v1::Model::MATRIX_FACTORIZATION}) {
    for (const bool sparse : {true, false}) {
      if (!sparse && type != v1::Model::FACTORIZATION_MACHINE) continue;
      Batch batch = RandomBatch(0, sparse);
      batch.unique_keys.clear();
      std::unique_ptr<Model> model =
          *CreateModel(Config(type, 3, v1::Model::BINARY), Shape(sparse));
      Arrays gradients;
      CHECK(Gradients(*model, batch, RandomParameters(*model, batch), &gradients) == 0);
      for (const std::vector<float>& table : gradients) {
        CHECK(table == std::vector<float>(table.size(), 0));
      }
    }
  }
}

std::string Describe(v1::Model::Type type, bool sparse) {
  std::string text;
  const v1::Model config = Config(type, 4, v1::Model::BINARY);
  for (const v1::TableSpec& table : (*CreateModel(config, Shape(sparse)))->Tables()) {
    text += table.name() + " " + v1::TableSpec::Kind_Name(table.kind()) + " " +
            std::to_string(table.rows()) + "x" + std::to_string(table.dim()) + " " +
            v1::Optimizer::Type_Name(table.optimizer().type()) +
            (table.initial_scale() == 0.25 ? " random;" : ";");
  }
  return text;
}

TEST_CASE("factorization models declare their tables") {
  CHECK(Describe(v1::Model::FACTORIZATION_MACHINE, true) ==
        "weights SPARSE 0x1 FTRL;bias DENSE 1x1 FTRL;vectors SPARSE 0x4 ADAGRAD random;");
  CHECK(Describe(v1::Model::FACTORIZATION_MACHINE, false) ==
        "weights DENSE 7x1 FTRL;bias DENSE 1x1 FTRL;vectors DENSE 7x4 ADAGRAD random;");
  CHECK(Describe(v1::Model::FIELD_AWARE_FM, true) ==
        "weights SPARSE 0x1 FTRL;bias DENSE 1x1 FTRL;vectors SPARSE 0x12 ADAGRAD random;");
  CHECK(Describe(v1::Model::MATRIX_FACTORIZATION, true) ==
        "global DENSE 1x1 ADAGRAD;biases SPARSE 0x1 ADAGRAD;vectors SPARSE 0x4 ADAGRAD random;");
}

TEST_CASE("factorization models: labels") {
  Batch batch = RandomBatch(1, true);
  batch.labels[0] = 2;
  for (const auto type : {v1::Model::FACTORIZATION_MACHINE, v1::Model::FIELD_AWARE_FM}) {
    std::unique_ptr<Model> binary = *CreateModel(Config(type, 2, v1::Model::BINARY), Shape(true));
    CHECK(binary->CheckLabels(batch).message().find("machine needs labels 0 and 1, or -1 and +1") !=
          absl::string_view::npos);
    std::unique_ptr<Model> values =
        *CreateModel(Config(type, 2, v1::Model::REGRESSION), Shape(true));
    CHECK(values->CheckLabels(batch).ok());
  }
}

TEST_CASE("factorization models that cannot be made") {
  const auto error = [](v1::Model::Type type, uint32_t dim, v1::Model::Objective objective,
                        const DatasetShape& shape) {
    const absl::Status status = CreateModel(Config(type, dim, objective), shape).status();
    CHECK(status.code() == absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  const auto binary = v1::Model::BINARY;
  CHECK_THAT(error(v1::Model::FACTORIZATION_MACHINE, 2, v1::Model::MULTICLASS, Shape(true)),
             Catch::Contains("model.objective"));
  CHECK_THAT(error(v1::Model::FIELD_AWARE_FM, 2, binary, {.sparse = true}),
             Catch::Contains("data.format"));
  CHECK_THAT(error(v1::Model::FIELD_AWARE_FM, 4096, binary, {.fields = 65535}),
             Catch::Contains("model.dim"));
  CHECK_THAT(error(v1::Model::MATRIX_FACTORIZATION, 2, binary, Shape(false)),
             Catch::Contains("data.format"));
}

}  // namespace
}  // namespace paramd
