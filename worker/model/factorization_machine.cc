#include "worker/model/factorization_machine.h"

#include <cstddef>
#include <numeric>
#include <utility>

#include "absl/types/span.h"
#include "common/base/status_macros.h"
#include "worker/model/linear_layer.h"
#include "worker/model/loss.h"
#include "worker/model/objective_loss.h"
#include "worker/model/table_spec.h"

namespace paramd {
namespace {

using Parameters = absl::Span<const absl::Span<const float>>;

// Calls f(column, value) for every feature of a row; `column` is the row of the feature's table.
template <typename F>
void ForEachFeature(const Batch& batch, size_t row, F f) {
  if (batch.sparse) {
    for (size_t i = batch.row_offsets[row]; i < batch.row_offsets[row + 1]; ++i) {
      f(batch.columns[i], batch.values[i]);
    }
  } else {
    const size_t columns = static_cast<size_t>(batch.dense_cols);
    for (size_t i = 0; i < columns; ++i) f(i, batch.values[row * columns + i]);
  }
}

class FactorizationMachine final : public Model {
 public:
  FactorizationMachine(const v1::Model& config, const DatasetShape& shape,
                       std::unique_ptr<Loss> loss)
      : shape_(shape),
        dim_(config.dim()),
        init_scale_(config.init_scale()),
        linear_(shape, 1, true),
        vectors_(shape, static_cast<int>(config.dim()), false),
        loss_(std::move(loss)) {}

  Task task() const override { return loss_->task(); }
  int outputs() const override { return 1; }
  absl::Status CheckLabels(const Batch& batch) const override { return loss_->CheckLabels(batch); }

  // weights, bias, vectors.
  std::vector<v1::TableSpec> Tables() const override {
    std::vector<v1::TableSpec> tables = linear_.Tables();
    tables.push_back(
        FeatureTable(shape_, "vectors", static_cast<int>(dim_), v1::Optimizer::ADAGRAD));
    tables.back().set_initial_scale(init_scale_);
    return tables;
  }

  double Gradients(const Batch& batch, Parameters parameters,
                   absl::Span<const absl::Span<float>> gradients) override {
    Forward(batch, parameters, &z_);
    const double loss = loss_->DifferentiateMean(batch, absl::MakeSpan(z_));
    linear_.Backward(batch, z_, gradients.first(2));
    for (size_t i = 0; i < sums_.size(); ++i) sums_[i] *= z_[i / dim_];
    vectors_.Backward(batch, sums_, gradients.subspan(2, 1));
    TakeOwnPart(batch, parameters[2], gradients[2]);
    return loss;
  }

  void Predict(const Batch& batch, Parameters parameters, std::vector<float>* scores) override {
    Forward(batch, parameters, scores);
    loss_->ToScores(absl::MakeSpan(*scores));
  }

 private:
  // Fills z [rows], and sums_ with s of every row.
  void Forward(const Batch& batch, Parameters parameters, std::vector<float>* z) {
    linear_.Forward(batch, parameters.first(2), z);
    vectors_.Forward(batch, parameters.subspan(2, 1), &sums_);
    FillSquares(parameters[2]);
    for (size_t row = 0; row < batch.rows(); ++row) {
      double pairs = Square({sums_.data() + row * dim_, dim_});
      ForEachFeature(batch, row, [&](size_t column, float x) {
        pairs -= static_cast<double>(x) * x * squares_[column];
      });
      (*z)[row] += static_cast<float>(pairs / 2);
    }
  }

  static double Square(absl::Span<const float> v) {
    return std::inner_product(v.begin(), v.end(), v.begin(), 0.0);
  }

  // squares_[i] = |v_i|^2.
  void FillSquares(absl::Span<const float> vectors) {
    squares_.resize(vectors.size() / dim_);
    for (size_t i = 0; i < squares_.size(); ++i) {
      squares_[i] = Square(vectors.subspan(i * dim_, dim_));
    }
  }

  // gradient_i -= v_i sum_rows z_[row] x_i^2: the pairs that a feature does not make with itself.
  void TakeOwnPart(const Batch& batch, absl::Span<const float> vectors,
                   absl::Span<float> gradient) {
    squares_.assign(squares_.size(), 0);
    for (size_t row = 0; row < batch.rows(); ++row) {
      const double d = z_[row];
      ForEachFeature(batch, row, [&](size_t column, float x) { squares_[column] += d * x * x; });
    }
    for (size_t i = 0; i < squares_.size(); ++i) {
      const auto square = static_cast<float>(squares_[i]);
      for (size_t j = i * dim_; j < (i + 1) * dim_; ++j) gradient[j] -= square * vectors[j];
    }
  }

  const DatasetShape shape_;
  const size_t dim_;
  const double init_scale_;
  const LinearLayer linear_;
  const LinearLayer vectors_;
  const std::unique_ptr<Loss> loss_;
  // Scratch: z and its derivative [rows]; s [rows][dim]; of every feature [features].
  std::vector<float> z_;
  std::vector<float> sums_;
  std::vector<double> squares_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Model>> MakeFactorizationMachine(const v1::Model& config,
                                                                const DatasetShape& shape) {
  ASSIGN_OR_RETURN(std::unique_ptr<Loss> loss, MakeObjectiveLoss(config, "factorization machine"));
  return std::make_unique<FactorizationMachine>(config, shape, std::move(loss));
}

}  // namespace paramd
