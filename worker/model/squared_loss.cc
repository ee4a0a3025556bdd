#include <cstddef>

#include "worker/model/loss.h"

namespace paramd {
namespace {

class SquaredLoss final : public Loss {
 public:
  Task task() const override { return Task::kRegression; }
  int outputs() const override { return 1; }
  absl::Status CheckLabel(float label) const override { return absl::OkStatus(); }
  void ToScores(absl::Span<float> z) override {}

 private:
  void Differentiate(absl::Span<const float> labels, absl::Span<float> z,
                     absl::Span<double> losses) override {
    for (size_t i = 0; i < z.size(); ++i) {
      const double error = static_cast<double>(z[i]) - labels[i];
      z[i] = static_cast<float>(error);
      losses[i] = error * error / 2;
    }
  }
};

}  // namespace

std::unique_ptr<Loss> MakeSquaredLoss() { return std::make_unique<SquaredLoss>(); }

}  // namespace paramd
