#include "worker/model/linear_regression.h"

#include "worker/model/linear_model.h"

namespace paramd {
namespace {

class LinearRegression final : public LinearModel {
 public:
  explicit LinearRegression(const DatasetShape& shape) : LinearModel(shape, 1) {}

  Task task() const override { return Task::kRegression; }

 private:
  absl::Status CheckLabel(float label) const override { return absl::OkStatus(); }

  double Differentiate(float label, absl::Span<float> z) const override {
    const double error = static_cast<double>(z[0]) - label;
    z[0] = static_cast<float>(error);
    return error * error / 2;
  }

  void ToScores(absl::Span<float> z) const override {}
};

}  // namespace

absl::StatusOr<std::unique_ptr<Model>> MakeLinearRegression(const v1::Model& config,
                                                            const DatasetShape& shape) {
  return std::make_unique<LinearRegression>(shape);
}

}  // namespace paramd
