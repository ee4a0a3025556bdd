#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "absl/strings/str_cat.h"
#include "worker/model/exponentials.h"
#include "worker/model/loss.h"

namespace paramd {
namespace {

class SoftmaxLoss final : public Loss {
 public:
  SoftmaxLoss(const char* model, int classes) : model_(model), classes_(classes) {}

  Task task() const override { return Task::kMulticlass; }
  int outputs() const override { return classes_; }

  absl::Status CheckLabel(float label) const override {
    if (label >= 0 && label < static_cast<float>(classes_) && label == std::floor(label)) {
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(absl::StrCat("label ", label, ": ", model_, " with ",
                                                   classes_, " classes needs whole numbers from ",
                                                   "0 to ", classes_ - 1));
  }

  void ToScores(absl::Span<float> z) override {
    SubtractLargest(z);
    ExpOfNegatives(absl::MakeSpan(powers_));
    for (size_t row = 0; row < z.size() / k(); ++row) NormalizeRow(row, z);
  }

 private:
  // Derivative P - onehot(label). With m the largest z, the loss is log sum_j e^(z_j - m) -
  // (z_label - m), of which nothing overflows.
  void Differentiate(absl::Span<const float> labels, absl::Span<float> z,
                     absl::Span<double> losses) override {
    SubtractLargest(z);
    for (size_t row = 0; row < labels.size(); ++row) {
      losses[row] = -powers_[row * k() + static_cast<size_t>(labels[row])];
    }
    ExpOfNegatives(absl::MakeSpan(powers_));
    for (size_t row = 0; row < labels.size(); ++row) {
      losses[row] += std::log(NormalizeRow(row, z));
      z[row * k() + static_cast<size_t>(labels[row])] -= 1;
    }
  }

  size_t k() const { return static_cast<size_t>(classes_); }

  // Fills powers_ with z minus the largest of its row.
  void SubtractLargest(absl::Span<const float> z) {
    powers_.resize(z.size());
    for (size_t begin = 0; begin < z.size(); begin += k()) {
      const double largest = *std::max_element(z.begin() + begin, z.begin() + begin + k());
      for (size_t i = begin; i < begin + k(); ++i) powers_[i] = z[i] - largest;
    }
  }

  // Fills a row of z with its powers divided by their sum, which is at least 1, and returns the
  // sum.
  double NormalizeRow(size_t row, absl::Span<float> z) const {
    double sum = 0;
    for (size_t i = row * k(); i < (row + 1) * k(); ++i) sum += powers_[i];
    for (size_t i = row * k(); i < (row + 1) * k(); ++i) {
      z[i] = static_cast<float>(powers_[i] / sum);
    }
    return sum;
  }

  const char* const model_;
  const int classes_;
  std::vector<double> powers_;  // scratch, [rows][classes]
};

}  // namespace

std::unique_ptr<Loss> MakeSoftmaxLoss(const char* model, int classes) {
  return std::make_unique<SoftmaxLoss>(model, classes);
}

}  // namespace paramd
