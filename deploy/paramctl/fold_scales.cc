#include "deploy/paramctl/fold_scales.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "paramd/v1/coordinator.pb.h"

namespace paramd {
namespace {

void Fold(const std::vector<v1::ColumnScale>& scales, ModelTable* weights, ModelTable* bias) {
  std::vector<double> sums(bias->values.begin(), bias->values.end());
  for (size_t i = 0; i < weights->values.size(); ++i) {
    const v1::ColumnScale& scale = scales[i / weights->dim];
    const double weight = static_cast<double>(weights->values[i]) * scale.factor();
    sums[i % weights->dim] -= weight * scale.offset();
    weights->values[i] = static_cast<float>(weight);
  }
  std::transform(sums.begin(), sums.end(), bias->values.begin(),
                 [](double sum) { return static_cast<float>(sum); });
}

}  // namespace

absl::StatusOr<ModelFile> FoldScales(ModelFile model) {
  if (model.scales.empty()) return model;
  if (model.sparse) {
    return absl::InvalidArgumentError(
        "the model scales columns of sparse data, which liblinear cannot; use safetensors or npz");
  }
  ModelTable* weights = nullptr;
  ModelTable* bias = nullptr;
  for (ModelTable& table : model.tables) {
    if (table.name == "weights") weights = &table;
    if (table.name == "bias") bias = &table;
  }
  if (weights == nullptr || bias == nullptr) {
    return absl::InvalidArgumentError("the model has no weights and bias to fold its scales into");
  }
  Fold(std::exchange(model.scales, {}), weights, bias);
  return model;
}

}  // namespace paramd
