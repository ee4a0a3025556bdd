#include "worker/model/field_aware_fm.h"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "common/base/status_macros.h"
#include "worker/model/linear_layer.h"
#include "worker/model/loss.h"
#include "worker/model/objective_loss.h"
#include "worker/model/table_spec.h"

namespace paramd {
namespace {

using Parameters = absl::Span<const absl::Span<const float>>;

constexpr uint64_t kMaxRowValues = uint64_t{1} << 24;

class FieldAwareFm final : public Model {
 public:
  FieldAwareFm(const v1::Model& config, const DatasetShape& shape, std::unique_ptr<Loss> loss)
      : dim_(config.dim()),
        row_(shape.fields * dim_),
        init_scale_(config.init_scale()),
        linear_(shape, 1, true),
        loss_(std::move(loss)) {}

  Task task() const override { return loss_->task(); }
  int outputs() const override { return 1; }
  absl::Status CheckLabels(const Batch& batch) const override { return loss_->CheckLabels(batch); }

  // weights, bias, vectors.
  std::vector<v1::TableSpec> Tables() const override {
    std::vector<v1::TableSpec> tables = linear_.Tables();
    tables.push_back(SparseTable("vectors", static_cast<int>(row_), v1::Optimizer::ADAGRAD));
    tables.back().set_initial_scale(init_scale_);
    return tables;
  }

  double Gradients(const Batch& batch, Parameters parameters,
                   absl::Span<const absl::Span<float>> gradients) override {
    Forward(batch, parameters, &z_);
    const double loss = loss_->DifferentiateMean(batch, absl::MakeSpan(z_));
    linear_.Backward(batch, z_, gradients.first(2));
    const absl::Span<float> gradient = gradients[2];
    std::fill(gradient.begin(), gradient.end(), 0.0f);
    for (size_t row = 0; row < batch.rows(); ++row) {
      ForEachPair(batch, row, [&](size_t v, size_t w, float xx) {
        AddPair(z_[row] * xx, parameters[2], v, w, gradient);
      });
    }
    return loss;
  }

  void Predict(const Batch& batch, Parameters parameters, std::vector<float>* scores) override {
    Forward(batch, parameters, scores);
    loss_->ToScores(absl::MakeSpan(*scores));
  }

 private:
  // Fills z [rows].
  void Forward(const Batch& batch, Parameters parameters, std::vector<float>* z) const {
    linear_.Forward(batch, parameters.first(2), z);
    const float* const vectors = parameters[2].data();
    for (size_t row = 0; row < batch.rows(); ++row) {
      double pairs = 0;
      ForEachPair(batch, row, [&](size_t v, size_t w, float xx) {
        float dot = 0;
        for (size_t j = 0; j < dim_; ++j) dot += vectors[v + j] * vectors[w + j];
        pairs += xx * dot;
      });
      (*z)[row] += static_cast<float>(pairs);
    }
  }

  // Calls f(v, w, x_i x_j) for every pair i < j of features of a row: v and w are where v_i[f_j]
  // and v_j[f_i] begin in the table.
  template <typename F>
  void ForEachPair(const Batch& batch, size_t row, F f) const {
    assert(batch.fields.size() == batch.columns.size());
    const size_t end = batch.row_offsets[row + 1];
    for (size_t i = batch.row_offsets[row]; i < end; ++i) {
      const size_t row_i = batch.columns[i] * row_, field_i = batch.fields[i] * dim_;
      for (size_t j = i + 1; j < end; ++j) {
        f(row_i + batch.fields[j] * dim_, batch.columns[j] * row_ + field_i,
          batch.values[i] * batch.values[j]);
      }
    }
  }

  // Adds d times the derivative of <v, w> to the gradients of both.
  void AddPair(float d, absl::Span<const float> vectors, size_t v, size_t w,
               absl::Span<float> gradient) const {
    for (size_t j = 0; j < dim_; ++j) {
      gradient[v + j] += d * vectors[w + j];
      gradient[w + j] += d * vectors[v + j];
    }
  }

  const size_t dim_;
  const size_t row_;  // values in a row of vectors
  const double init_scale_;
  const LinearLayer linear_;
  const std::unique_ptr<Loss> loss_;
  std::vector<float> z_;  // scratch, [rows]
};

}  // namespace

absl::StatusOr<std::unique_ptr<Model>> MakeFieldAwareFm(const v1::Model& config,
                                                        const DatasetShape& shape) {
  if (shape.fields == 0) {
    return absl::InvalidArgumentError(
        "model.type field_aware_fm needs features with fields, which data.format libffm and criteo "
        "have, and csv with categorical columns");
  }
  if (uint64_t{shape.fields} * config.dim() > kMaxRowValues) {
    return absl::InvalidArgumentError(absl::StrCat(
        "model.dim: vectors of length ", config.dim(), " for each of ", shape.fields,
        " fields are more than ", kMaxRowValues, " values for a feature; make it smaller"));
  }
  ASSIGN_OR_RETURN(std::unique_ptr<Loss> loss,
                   MakeObjectiveLoss(config, "field-aware factorization machine"));
  return std::make_unique<FieldAwareFm>(config, shape, std::move(loss));
}

}  // namespace paramd
