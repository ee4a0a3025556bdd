#include "worker/model/matrix_factorization.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "worker/model/loss.h"
#include "worker/model/table_spec.h"

namespace paramd {
namespace {

using Parameters = absl::Span<const absl::Span<const float>>;

class MatrixFactorization final : public Model {
 public:
  explicit MatrixFactorization(const v1::Model& config)
      : dim_(config.dim()), init_scale_(config.init_scale()), loss_(MakeSquaredLoss()) {}

  Task task() const override { return loss_->task(); }
  int outputs() const override { return 1; }

  // global, biases, vectors.
  std::vector<v1::TableSpec> Tables() const override {
    constexpr v1::Optimizer::Type kOptimizer = v1::Optimizer::ADAGRAD;
    std::vector<v1::TableSpec> tables = {
        DenseTable("global", 1, 1, kOptimizer), SparseTable("biases", 1, kOptimizer),
        SparseTable("vectors", static_cast<int>(dim_), kOptimizer)};
    tables.back().set_initial_scale(init_scale_);
    return tables;
  }

  absl::Status CheckLabels(const Batch& batch) const override {
    for (size_t row = 0; row < batch.rows(); ++row) {
      const size_t begin = batch.row_offsets[row];
      const size_t features = batch.row_offsets[row + 1] - begin;
      if (features == 2 && batch.values[begin] == 1 && batch.values[begin + 1] == 1 &&
          batch.columns[begin] != batch.columns[begin + 1]) {
        continue;
      }
      return absl::InvalidArgumentError(absl::StrCat(
          "an example with label ", batch.labels[row], " and ", features,
          " features: matrix factorization needs exactly two different ones of value 1, a user "
          "and an item, as in \"rating user:1 item:1\""));
    }
    return loss_->CheckLabels(batch);
  }

  double Gradients(const Batch& batch, Parameters parameters,
                   absl::Span<const absl::Span<float>> gradients) override {
    Forward(batch, parameters, &z_);
    const double loss = loss_->DifferentiateMean(batch, absl::MakeSpan(z_));
    for (const absl::Span<float> gradient : gradients) {
      std::fill(gradient.begin(), gradient.end(), 0.0f);
    }
    for (size_t row = 0; row < batch.rows(); ++row) {
      const auto [u, i] = PairOf(batch, row);
      const float d = z_[row];
      gradients[0][0] += d;
      gradients[1][u] += d;
      gradients[1][i] += d;
      AddProduct(d, parameters[2].data() + i * dim_, gradients[2].data() + u * dim_);
      AddProduct(d, parameters[2].data() + u * dim_, gradients[2].data() + i * dim_);
    }
    return loss;
  }

  void Predict(const Batch& batch, Parameters parameters, std::vector<float>* scores) override {
    Forward(batch, parameters, scores);
    loss_->ToScores(absl::MakeSpan(*scores));
  }

 private:
  // The rows of an example's user and item.
  static std::pair<size_t, size_t> PairOf(const Batch& batch, size_t row) {
    const size_t begin = batch.row_offsets[row];
    return {batch.columns[begin], batch.columns[begin + 1]};
  }

  // Fills z [rows].
  void Forward(const Batch& batch, Parameters parameters, std::vector<float>* z) const {
    z->resize(batch.rows());
    for (size_t row = 0; row < batch.rows(); ++row) {
      const auto [u, i] = PairOf(batch, row);
      const float* const p = parameters[2].data() + u * dim_;
      const float* const q = parameters[2].data() + i * dim_;
      float dot = 0;
      for (size_t j = 0; j < dim_; ++j) dot += p[j] * q[j];
      (*z)[row] = parameters[0][0] + parameters[1][u] + parameters[1][i] + dot;
    }
  }

  // to += d from, both [dim_].
  void AddProduct(float d, const float* from, float* to) const {
    for (size_t j = 0; j < dim_; ++j) to[j] += d * from[j];
  }

  const size_t dim_;
  const double init_scale_;
  const std::unique_ptr<Loss> loss_;
  std::vector<float> z_;  // scratch, [rows]
};

}  // namespace

absl::StatusOr<std::unique_ptr<Model>> MakeMatrixFactorization(const v1::Model& config,
                                                               const DatasetShape& shape) {
  if (!shape.sparse) {
    return absl::InvalidArgumentError(
        "model.type matrix_factorization needs sparse data, \"rating user:1 item:1\" as in "
        "data.format libsvm");
  }
  return std::make_unique<MatrixFactorization>(config);
}

}  // namespace paramd
