#include "worker/model/linear_regression.h"

#include <cstddef>

#include "worker/model/linear_model.h"

namespace paramd {
namespace {

class LinearRegression final : public LinearModel {
 public:
  explicit LinearRegression(const DatasetShape& shape) : LinearModel(shape, 1) {}

  Task task() const override { return Task::kRegression; }

 private:
  absl::Status CheckLabel(float label) const override { return absl::OkStatus(); }

  double Differentiate(absl::Span<const float> labels, absl::Span<float> z) override {
    double loss = 0;
    for (size_t i = 0; i < z.size(); ++i) {
      const double error = static_cast<double>(z[i]) - labels[i];
      z[i] = static_cast<float>(error);
      loss += error * error / 2;
    }
    return loss;
  }

  void ToScores(absl::Span<float> z) override {}
};

}  // namespace

absl::StatusOr<std::unique_ptr<Model>> MakeLinearRegression(const v1::Model& config,
                                                            const DatasetShape& shape) {
  return std::make_unique<LinearRegression>(shape);
}

}  // namespace paramd
