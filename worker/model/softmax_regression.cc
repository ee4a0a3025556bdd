#include "worker/model/softmax_regression.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "absl/strings/str_cat.h"
#include "worker/model/exponentials.h"
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

  // loss = log sum_j e^z_j - z_label; derivative P - onehot(label). With m the largest z, the loss
  // is log sum_j e^(z_j - m) - (z_label - m), of which nothing overflows.
  double Differentiate(absl::Span<const float> labels, absl::Span<float> z) override {
    const size_t k = static_cast<size_t>(outputs());
    SubtractLargest(z);
    double loss = 0;
    for (size_t row = 0; row < labels.size(); ++row) {
      loss -= powers_[row * k + static_cast<size_t>(labels[row])];
    }
    ExpOfNegatives(absl::MakeSpan(powers_));
    for (size_t row = 0; row < labels.size(); ++row) {
      loss += std::log(NormalizeRow(row, z));
      z[row * k + static_cast<size_t>(labels[row])] -= 1;
    }
    return loss;
  }

  void ToScores(absl::Span<float> z) override {
    SubtractLargest(z);
    ExpOfNegatives(absl::MakeSpan(powers_));
    const size_t rows = z.size() / static_cast<size_t>(outputs());
    for (size_t row = 0; row < rows; ++row) NormalizeRow(row, z);
  }

  // Fills powers_ with z minus the largest of its row.
  void SubtractLargest(absl::Span<const float> z) {
    const size_t k = static_cast<size_t>(outputs());
    powers_.resize(z.size());
    for (size_t begin = 0; begin < z.size(); begin += k) {
      const double largest = *std::max_element(z.begin() + begin, z.begin() + begin + k);
      for (size_t i = begin; i < begin + k; ++i) powers_[i] = z[i] - largest;
    }
  }

  // Fills a row of z with its powers divided by their sum, which is at least 1, and returns the
  // sum.
  double NormalizeRow(size_t row, absl::Span<float> z) const {
    const size_t k = static_cast<size_t>(outputs());
    double sum = 0;
    for (size_t i = row * k; i < (row + 1) * k; ++i) sum += powers_[i];
    for (size_t i = row * k; i < (row + 1) * k; ++i) z[i] = static_cast<float>(powers_[i] / sum);
    return sum;
  }

  std::vector<double> powers_;  // scratch, [rows][classes]
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
