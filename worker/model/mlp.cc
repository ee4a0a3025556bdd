#include "worker/model/mlp.h"

#include <utility>

#include "common/base/status_macros.h"
#include "worker/model/layer_tables.h"
#include "worker/model/linear_layer.h"
#include "worker/model/mlp_layers.h"
#include "worker/model/objective_loss.h"

namespace paramd {
namespace {

class Mlp final : public Model {
 public:
  Mlp(const DatasetShape& shape, MlpLayers::Options options, std::unique_ptr<Loss> loss)
      : shape_(shape),
        activation_(options.activation),
        first_(shape, static_cast<int>(options.widths[0]), true),
        rest_(std::move(options)),
        loss_(std::move(loss)) {}

  Task task() const override { return loss_->task(); }
  int outputs() const override { return loss_->outputs(); }
  absl::Status CheckLabels(const Batch& batch) const override { return loss_->CheckLabels(batch); }

  std::vector<v1::TableSpec> Tables() const override {
    std::vector<v1::TableSpec> tables =
        LayerTables({.number = 0,
                     .inputs = static_cast<uint64_t>(shape_.columns),
                     .outputs = static_cast<uint32_t>(first_.outputs()),
                     .sparse = shape_.sparse},
                    activation_);
    for (v1::TableSpec& table : rest_.Tables()) tables.push_back(std::move(table));
    return tables;
  }

  double Gradients(const Batch& batch, absl::Span<const absl::Span<const float>> parameters,
                   absl::Span<const absl::Span<float>> gradients) override {
    first_.Forward(batch, parameters.first(2), rest_.input());
    rest_.ForwardTraining(batch, parameters.subspan(2), &z_);
    const double loss = loss_->DifferentiateMean(batch, absl::MakeSpan(z_));
    const absl::Span<const float> d =
        rest_.Backward(z_, parameters.subspan(2), gradients.subspan(2));
    first_.Backward(batch, d, gradients.first(2));
    return loss;
  }

  void Predict(const Batch& batch, absl::Span<const absl::Span<const float>> parameters,
               std::vector<float>* scores) override {
    first_.Forward(batch, parameters.first(2), rest_.input());
    rest_.Forward(parameters.subspan(2), scores);
    loss_->ToScores(absl::MakeSpan(*scores));
  }

 private:
  const DatasetShape shape_;
  const v1::Model::Activation activation_;
  const LinearLayer first_;
  MlpLayers rest_;
  const std::unique_ptr<Loss> loss_;
  std::vector<float> z_;  // scratch, [rows][outputs]
};

}  // namespace

absl::StatusOr<std::unique_ptr<Model>> MakeMlp(const v1::Model& config, const DatasetShape& shape) {
  ASSIGN_OR_RETURN(std::unique_ptr<Loss> loss, MakeObjectiveLoss(config, "mlp"));
  ASSIGN_OR_RETURN(MlpLayers::Options options,
                   HiddenLayers(config, {128}, static_cast<uint32_t>(loss->outputs())));
  return std::make_unique<Mlp>(shape, std::move(options), std::move(loss));
}

}  // namespace paramd
