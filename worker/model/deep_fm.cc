#include "worker/model/deep_fm.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "common/base/status_macros.h"
#include "worker/model/deep_part.h"
#include "worker/model/objective_loss.h"
#include "worker/model/sparse_product.h"
#include "worker/model/table_spec.h"

namespace paramd {
namespace {

using Parameters = absl::Span<const absl::Span<const float>>;

class DeepFm final : public Model {
 public:
  DeepFm(std::unique_ptr<DeepPart> deep, std::unique_ptr<Loss> loss)
      : deep_(std::move(deep)), loss_(std::move(loss)) {}

  Task task() const override { return loss_->task(); }
  int outputs() const override { return 1; }
  absl::Status CheckLabels(const Batch& batch) const override { return loss_->CheckLabels(batch); }

  std::vector<v1::TableSpec> Tables() const override {
    std::vector<v1::TableSpec> tables = {SparseTable("weights", 1, v1::Optimizer::FTRL)};
    for (v1::TableSpec& table : deep_->Tables()) tables.push_back(std::move(table));
    return tables;
  }

  double Gradients(const Batch& batch, Parameters parameters,
                   absl::Span<const absl::Span<float>> gradients) override {
    deep_->ForwardTraining(batch, parameters.subspan(1), &z_);
    AddFm(batch, parameters, absl::MakeSpan(z_));
    const double loss = loss_->DifferentiateMean(batch, absl::MakeSpan(z_));
    std::fill(gradients[0].begin(), gradients[0].end(), 0.0f);
    AddSparseTransposedProduct(batch, z_, 1, gradients[0]);
    AddSums(deep_->BackwardLayers(z_, parameters.subspan(1), gradients.subspan(1)));
    deep_->BackwardEmbeddings(batch, gradients[1]);
    TakeSquares(batch, parameters[1], gradients[1]);
    return loss;
  }

  void Predict(const Batch& batch, Parameters parameters, std::vector<float>* scores) override {
    deep_->Forward(batch, parameters.subspan(1), scores);
    AddFm(batch, parameters, absl::MakeSpan(*scores));
    loss_->ToScores(absl::MakeSpan(*scores));
  }

 private:
  // Adds w^T x and the pairs to z [rows]; fills sums_ with s of every row.
  void AddFm(const Batch& batch, Parameters parameters, absl::Span<float> z) {
    AddSparseProduct(batch, parameters[0], 1, z);
    FillSums(batch.rows());
    const size_t k = deep_->dim();
    for (size_t row = 0; row < batch.rows(); ++row) {
      double pairs = Square(absl::MakeConstSpan(sums_).subspan(row * k, k));
      for (size_t i = batch.row_offsets[row]; i < batch.row_offsets[row + 1]; ++i) {
        const double x = batch.values[i];
        pairs -= x * x * Square(parameters[1].subspan(batch.columns[i] * k, k));
      }
      z[row] += static_cast<float>(pairs / 2);
    }
  }

  void FillSums(size_t rows) {
    const size_t k = deep_->dim();
    const float* p = deep_->pooled().data();
    sums_.assign(rows * k, 0.0f);
    for (size_t row = 0; row < rows; ++row) {
      for (size_t field = 0; field < deep_->fields(); ++field, p += k) {
        for (size_t j = 0; j < k; ++j) sums_[row * k + j] += p[j];
      }
    }
  }

  // The derivative of the pairs by P of any field is s, if the squares were constants.
  void AddSums(absl::Span<float> dp) {
    const size_t k = deep_->dim(), row_size = deep_->fields() * k;
    for (size_t i = 0; i < dp.size(); i += k) {
      const size_t row = i / row_size;
      for (size_t j = 0; j < k; ++j) dp[i + j] += z_[row] * sums_[row * k + j];
    }
  }

  // That of the squares by v_i is -x_i^2 v_i.
  void TakeSquares(const Batch& batch, absl::Span<const float> vectors,
                   absl::Span<float> gradient) const {
    const size_t k = deep_->dim();
    for (size_t row = 0; row < batch.rows(); ++row) {
      for (size_t i = batch.row_offsets[row]; i < batch.row_offsets[row + 1]; ++i) {
        const float d = z_[row] * batch.values[i] * batch.values[i];
        const size_t begin = batch.columns[i] * k;
        for (size_t j = begin; j < begin + k; ++j) gradient[j] -= d * vectors[j];
      }
    }
  }

  static double Square(absl::Span<const float> v) {
    return std::inner_product(v.begin(), v.end(), v.begin(), 0.0);
  }

  const std::unique_ptr<DeepPart> deep_;
  const std::unique_ptr<Loss> loss_;
  // Scratch: z and then its derivative [rows]; s [rows][k].
  std::vector<float> z_;
  std::vector<float> sums_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Model>> MakeDeepFm(const v1::Model& config,
                                                  const DatasetShape& shape) {
  ASSIGN_OR_RETURN(std::unique_ptr<Loss> loss, MakeObjectiveLoss(config, "deep_fm"));
  ASSIGN_OR_RETURN(std::unique_ptr<DeepPart> deep, DeepPart::Make(config, shape, "deep_fm"));
  return std::make_unique<DeepFm>(std::move(deep), std::move(loss));
}

}  // namespace paramd
