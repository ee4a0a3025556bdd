#include "worker/model/logistic_regression.h"

#include <numeric>
#include <vector>

#include "absl/strings/str_cat.h"
#include "worker/model/exponentials.h"
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

  double Differentiate(absl::Span<const float> labels, absl::Span<float> z) override {
    losses_.resize(z.size());
    DifferentiateLogistic(labels, z, absl::MakeSpan(losses_));
    return std::accumulate(losses_.begin(), losses_.end(), 0.0);
  }

  void ToScores(absl::Span<float> z) override { Sigmoids(z); }

  std::vector<double> losses_;  // scratch
};

}  // namespace

absl::StatusOr<std::unique_ptr<Model>> MakeLogisticRegression(const v1::Model& config,
                                                              const DatasetShape& shape) {
  return std::make_unique<LogisticRegression>(shape);
}

}  // namespace paramd
