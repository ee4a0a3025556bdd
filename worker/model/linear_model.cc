#include "worker/model/linear_model.h"

namespace paramd {

double LinearModel::Gradients(const Batch& batch,
                              absl::Span<const absl::Span<const float>> parameters,
                              absl::Span<const absl::Span<float>> gradients) {
  layer_.Forward(batch, parameters, &z_);
  const double loss = loss_->DifferentiateMean(batch, absl::MakeSpan(z_));
  layer_.Backward(batch, z_, gradients);
  return loss;
}

void LinearModel::Predict(const Batch& batch, absl::Span<const absl::Span<const float>> parameters,
                          std::vector<float>* scores) {
  layer_.Forward(batch, parameters, scores);
  loss_->ToScores(absl::MakeSpan(*scores));
}

}  // namespace paramd
