#include "absl/strings/str_cat.h"
#include "worker/model/exponentials.h"
#include "worker/model/loss.h"

namespace paramd {
namespace {

class LogisticLoss final : public Loss {
 public:
  explicit LogisticLoss(const char* model) : model_(model) {}

  Task task() const override { return Task::kBinary; }
  int outputs() const override { return 1; }

  absl::Status CheckLabel(float label) const override {
    if (label == 0 || label == 1 || label == -1) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("label ", label, ": ", model_, " needs labels 0 and 1, or -1 and +1"));
  }

  void ToScores(absl::Span<float> z) override { Sigmoids(z); }

 private:
  void Differentiate(absl::Span<const float> labels, absl::Span<float> z,
                     absl::Span<double> losses) override {
    DifferentiateLogistic(labels, z, losses);
  }

  const char* const model_;
};

}  // namespace

std::unique_ptr<Loss> MakeLogisticLoss(const char* model) {
  return std::make_unique<LogisticLoss>(model);
}

}  // namespace paramd
