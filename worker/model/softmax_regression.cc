#include "worker/model/softmax_regression.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "worker/model/linear_model.h"

namespace paramd {
namespace {

class SoftmaxRegression final : public LinearModel {
 public:
  SoftmaxRegression(const DatasetShape& shape, int classes) : LinearModel(shape, classes) {}

  Task task() const override { return Task::kMulticlass; }

 private:
  absl::Status CheckLabel(float label) const override {
    if (label >= 0 && label < static_cast<float>(outputs()) && label == std::floor(label)) {
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(
        absl::StrCat("label ", label, ": softmax regression with ", outputs(),
                     " classes needs whole numbers from 0 to ", outputs() - 1));
  }

  // loss = log sum_j e^z_j - z_label; derivative P - onehot(label).
  double Differentiate(float label, absl::Span<float> z) const override {
    const size_t target = static_cast<size_t>(label);
    const double z_target = z[target];
    const double log_sum = Normalize(z);
    z[target] -= 1;
    return log_sum - z_target;
  }

  void ToScores(absl::Span<float> z) const override { Normalize(z); }

  // Replaces z by the probabilities and returns log sum_j e^z_j. The largest z is taken out first,
  // so that nothing overflows and the sum is at least 1.
  static double Normalize(absl::Span<float> z) {
    const double largest = *std::max_element(z.begin(), z.end());
    double sum = 0;
    for (const float x : z) sum += std::exp(x - largest);
    const double log_sum = largest + std::log(sum);
    for (float& x : z) x = static_cast<float>(std::exp(x - log_sum));
    return log_sum;
  }
};

}  // namespace

absl::StatusOr<std::unique_ptr<Model>> MakeSoftmaxRegression(const v1::Model& config,
                                                             const DatasetShape& shape) {
  if (config.classes() < 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("softmax regression needs at least 2 classes, not ", config.classes()));
  }
  return std::make_unique<SoftmaxRegression>(shape, static_cast<int>(config.classes()));
}

}  // namespace paramd
