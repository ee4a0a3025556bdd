#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "worker/model/linear_layer.h"
#include "worker/model/loss.h"
#include "worker/model/model.h"

namespace paramd {

// A loss of z = W^T x + b.
class LinearModel final : public Model {
 public:
  LinearModel(const DatasetShape& shape, std::unique_ptr<Loss> loss)
      : layer_(shape, loss->outputs(), true), loss_(std::move(loss)) {}

  Task task() const override { return loss_->task(); }
  int outputs() const override { return layer_.outputs(); }
  std::vector<v1::TableSpec> Tables() const override { return layer_.Tables(); }
  absl::Status CheckLabels(const Batch& batch) const override { return loss_->CheckLabels(batch); }
  double Gradients(const Batch& batch, absl::Span<const absl::Span<const float>> parameters,
                   absl::Span<const absl::Span<float>> gradients) override;
  void Predict(const Batch& batch, absl::Span<const absl::Span<const float>> parameters,
               std::vector<float>* scores) override;

 private:
  const LinearLayer layer_;
  const std::unique_ptr<Loss> loss_;
  std::vector<float> z_;  // scratch, [rows][outputs]
};

}  // namespace paramd
