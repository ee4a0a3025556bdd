#include "deploy/paramctl/fold_scales.h"

#include <catch2/catch.hpp>
#include <vector>

namespace paramd {
namespace {

// Two columns, three outputs.
ModelFile Model() {
  ModelFile model;
  model.sparse = false;
  model.columns = 2;
  model.scales.resize(2);
  model.scales[0].set_offset(10);
  model.scales[0].set_factor(0.5f);
  model.scales[1].set_offset(-3);
  model.scales[1].set_factor(4);
  model.tables = {{.name = "bias", .dim = 3, .values = {0.25f, 0, -1}},
                  {.name = "weights", .dim = 3, .values = {1, -2, 3, 4, 0.5f, -0.125f}}};
  return model;
}

std::vector<double> Scores(const ModelFile& model, const std::vector<double>& x) {
  std::vector<double> scores(model.tables[0].values.begin(), model.tables[0].values.end());
  for (size_t j = 0; j < x.size(); ++j) {
    double value = x[j];
    if (!model.scales.empty())
      value = (value - model.scales[j].offset()) * model.scales[j].factor();
    for (size_t k = 0; k < 3; ++k) scores[k] += value * model.tables[1].values[3 * j + k];
  }
  return scores;
}

TEST_CASE("without scales the scores are the same") {
  const ModelFile folded = *FoldScales(Model());
  CHECK(folded.scales.empty());
  for (const std::vector<double>& x : {std::vector<double>{0, 0}, {1, -7}, {12.5, 3}}) {
    const std::vector<double> expected = Scores(Model(), x), scores = Scores(folded, x);
    for (size_t k = 0; k < 3; ++k) CHECK(scores[k] == Approx(expected[k]));
  }
}

TEST_CASE("a model without scales stays, of any kind") {
  ModelFile model = Model();
  model.scales.clear();
  model.sparse = true;
  CHECK(FoldScales(model)->tables == model.tables);
}

TEST_CASE("scales that cannot be folded") {
  ModelFile model = Model();
  model.sparse = true;
  CHECK(FoldScales(model).status().code() == absl::StatusCode::kInvalidArgument);
  model = Model();
  model.tables.pop_back();
  CHECK(FoldScales(model).status().code() == absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace paramd
