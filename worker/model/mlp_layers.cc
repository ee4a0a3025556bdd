#include "worker/model/mlp_layers.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "worker/model/activation.h"
#include "worker/model/layer_tables.h"

namespace paramd {
namespace {

std::vector<DenseLayer> MakeLayers(const std::vector<uint32_t>& widths) {
  std::vector<DenseLayer> layers;
  for (size_t i = 0; i + 1 < widths.size(); ++i) layers.emplace_back(widths[i], widths[i + 1]);
  return layers;
}

}  // namespace

MlpLayers::MlpLayers(Options options)
    : options_(std::move(options)),
      layers_(MakeLayers(options_.widths)),
      dropout_(options_.dropout, options_.seed),
      hidden_(layers_.size()) {
  assert(!layers_.empty());
}

std::vector<v1::TableSpec> MlpLayers::Tables() const {
  std::vector<v1::TableSpec> tables;
  for (size_t i = 1; i < options_.widths.size(); ++i) {
    const bool last = i + 1 == options_.widths.size();
    const LayerShape shape = {.number = static_cast<int>(i),
                              .inputs = options_.widths[i - 1],
                              .outputs = options_.widths[i]};
    for (v1::TableSpec& table :
         LayerTables(shape, last ? v1::Model::ACTIVATION_UNSPECIFIED : options_.activation)) {
      tables.push_back(std::move(table));
    }
  }
  return tables;
}

void MlpLayers::Forward(absl::Span<const absl::Span<const float>> parameters,
                        std::vector<float>* z) {
  RunForward(parameters, false, z);
}

void MlpLayers::ForwardTraining(const Batch& batch,
                                absl::Span<const absl::Span<const float>> parameters,
                                std::vector<float>* z) {
  if (dropout_.is_on()) dropout_.Begin(batch);
  RunForward(parameters, true, z);
}

void MlpLayers::RunForward(absl::Span<const absl::Span<const float>> parameters, bool training,
                           std::vector<float>* z) {
  for (size_t i = 0; i < layers_.size(); ++i) {
    const absl::Span<const float> h = ActivateHidden(i, training);
    const bool last = i + 1 == layers_.size();
    layers_[i].Forward(h, parameters.subspan(2 * i, 2), last ? z : &hidden_[i + 1].active);
  }
}

absl::Span<const float> MlpLayers::ActivateHidden(size_t i, bool training) {
  Hidden& hidden = hidden_[i];
  Activate(options_.activation, absl::MakeSpan(hidden.active));
  if (!training || !dropout_.is_on()) return hidden.active;
  hidden.mask.resize(hidden.active.size());
  hidden.kept.resize(hidden.active.size());
  dropout_.Draw(i, absl::MakeSpan(hidden.mask));
  for (size_t j = 0; j < hidden.kept.size(); ++j) {
    hidden.kept[j] = hidden.mask[j] * hidden.active[j];
  }
  return hidden.kept;
}

absl::Span<const float> MlpLayers::Backward(absl::Span<const float> d,
                                            absl::Span<const absl::Span<const float>> parameters,
                                            absl::Span<const absl::Span<float>> gradients) {
  for (size_t i = layers_.size(); i-- > 0;) {
    const Hidden& hidden = hidden_[i];
    const std::vector<float>& h = dropout_.is_on() ? hidden.kept : hidden.active;
    layers_[i].Backward(h, d, gradients.subspan(2 * i, 2));
    layers_[i].BackwardInputs(d, parameters[2 * i], &dx_);
    if (dropout_.is_on()) {
      for (size_t j = 0; j < dx_.size(); ++j) dx_[j] *= hidden.mask[j];
    }
    MultiplyByDerivative(options_.activation, hidden.active, absl::MakeSpan(dx_));
    std::swap(d_, dx_);
    d = d_;
  }
  return d;
}

absl::StatusOr<MlpLayers::Options> HiddenLayers(const v1::Model& config,
                                                std::vector<uint32_t> hidden, uint32_t outputs) {
  if (config.hidden_size() > 0) hidden.assign(config.hidden().begin(), config.hidden().end());
  if (std::find(hidden.begin(), hidden.end(), 0u) != hidden.end()) {
    return absl::InvalidArgumentError("model.hidden: a layer needs at least 1 unit");
  }
  hidden.push_back(outputs);
  return MlpLayers::Options{.widths = std::move(hidden),
                            .activation = config.activation(),
                            .dropout = config.dropout(),
                            .seed = config.seed()};
}

}  // namespace paramd
