#include "worker/model/logistic_regression.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "worker/model/linear_model.h"

namespace paramd {
namespace {

class LogisticRegression final : public LinearModel {
 public:
  explicit LogisticRegression(const DatasetShape& shape) : LinearModel(shape, 1) {}

  Task task() const override { return Task::kBinary; }

 private:
  absl::Status CheckLabel(float label) const override {
    if (label == 0 || label == 1 || label == -1) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("label ", label, ": logistic regression needs labels 0 and 1, or -1 and +1"));
  }

  // With s = +1 or -1 for the label: loss log(1 + e^(-s z)), derivative P(y = 1) - y. The exponent
  // is never positive, so nothing overflows.
  double Differentiate(float label, absl::Span<float> z) const override {
    const double margin = label > 0 ? z[0] : -static_cast<double>(z[0]);
    ToScores(z);
    if (label > 0) z[0] -= 1;
    return std::log1p(std::exp(-std::abs(margin))) + std::max(-margin, 0.0);
  }

  void ToScores(absl::Span<float> z) const override {
    const double e = std::exp(-std::abs(static_cast<double>(z[0])));
    z[0] = static_cast<float>(z[0] >= 0 ? 1 / (1 + e) : e / (1 + e));
  }
};

}  // namespace

absl::StatusOr<std::unique_ptr<Model>> MakeLogisticRegression(const v1::Model& config,
                                                              const DatasetShape& shape) {
  return std::make_unique<LogisticRegression>(shape);
}

}  // namespace paramd
