#include "worker/model/layer_tables.h"

#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "worker/model/table_spec.h"

namespace paramd {
namespace {

// Every weight of a layer moves by this in the first step. The setting's default, 0.1, is as large
// as the initial weights of a wide layer are.
constexpr double kLearningRate = 0.02;

double InitialScale(const LayerShape& shape, v1::Model::Activation activation) {
  const double outputs = shape.outputs;
  const double inputs = shape.sparse ? outputs : static_cast<double>(shape.inputs);
  return std::sqrt(6 / (activation == v1::Model::RELU ? inputs : inputs + outputs));
}

}  // namespace

std::vector<v1::TableSpec> LayerTables(const LayerShape& shape, v1::Model::Activation activation) {
  const std::string prefix = absl::StrCat("layer", shape.number, ".");
  const int units = static_cast<int>(shape.outputs);
  const std::string weights = prefix + "weights";
  std::vector<v1::TableSpec> tables = {
      shape.sparse ? SparseTable(weights, units, v1::Optimizer::ADAGRAD)
                   : DenseTable(weights, shape.inputs, units, v1::Optimizer::ADAGRAD),
      DenseTable(prefix + "bias", 1, units, v1::Optimizer::ADAGRAD)};
  for (v1::TableSpec& table : tables) table.mutable_optimizer()->set_learning_rate(kLearningRate);
  tables[0].set_initial_scale(InitialScale(shape, activation));
  return tables;
}

}  // namespace paramd
