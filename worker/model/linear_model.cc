#include "worker/model/linear_model.h"

#include "common/base/status_macros.h"

namespace paramd {

absl::Status LinearModel::CheckLabels(const Batch& batch) const {
  for (const float label : batch.labels) RETURN_IF_ERROR(CheckLabel(label));
  return absl::OkStatus();
}

double LinearModel::Gradients(const Batch& batch,
                              absl::Span<const absl::Span<const float>> parameters,
                              absl::Span<const absl::Span<float>> gradients) {
  layer_.Forward(batch, parameters, &z_);
  const double loss = Differentiate(batch.labels, absl::MakeSpan(z_));
  for (float& d : z_) d /= static_cast<float>(batch.rows());
  layer_.Backward(batch, z_, gradients);
  return loss;
}

void LinearModel::Predict(const Batch& batch, absl::Span<const absl::Span<const float>> parameters,
                          std::vector<float>* scores) {
  layer_.Forward(batch, parameters, scores);
  ToScores(absl::MakeSpan(*scores));
}

}  // namespace paramd
