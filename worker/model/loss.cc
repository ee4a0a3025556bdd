#include "worker/model/loss.h"

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace paramd {

absl::Status Loss::CheckLabels(const Batch& batch) const {
  for (const float label : batch.labels) RETURN_IF_ERROR(CheckLabel(label));
  return absl::OkStatus();
}

double Loss::DifferentiateMean(const Batch& batch, absl::Span<float> z) {
  const size_t k = static_cast<size_t>(outputs());
  const auto rows = static_cast<float>(batch.rows());
  losses_.resize(batch.rows());
  Differentiate(batch.labels, z, absl::MakeSpan(losses_));
  double sum = 0;
  for (size_t row = 0; row < batch.rows(); ++row) {
    const float weight = batch.weights.empty() ? 1 : batch.weights[row];
    sum += weight * losses_[row];
    for (size_t i = row * k; i < (row + 1) * k; ++i) z[i] = weight * z[i] / rows;
  }
  return sum;
}

}  // namespace paramd
