#pragma once

#include <vector>

#include "absl/types/span.h"
#include "worker/model/linear_layer.h"
#include "worker/model/model.h"

namespace paramd {

// A model whose loss depends on an example only through z = W^T x + b. What remains for a subclass
// is the loss as a function of (label, z).
class LinearModel : public Model {
 public:
  int outputs() const final { return layer_.outputs(); }
  std::vector<v1::TableSpec> Tables() const final { return layer_.Tables(); }
  absl::Status CheckLabels(const Batch& batch) const final;
  double Gradients(const Batch& batch, absl::Span<const absl::Span<const float>> parameters,
                   absl::Span<const absl::Span<float>> gradients) final;
  void Predict(const Batch& batch, absl::Span<const absl::Span<const float>> parameters,
               std::vector<float>* scores) final;

 protected:
  LinearModel(const DatasetShape& shape, int outputs) : layer_(shape, outputs, true) {}

  // OK, or INVALID_ARGUMENT as of Model::CheckLabels.
  virtual absl::Status CheckLabel(float label) const = 0;

  // The sum of the losses of examples with these labels; replaces their z [labels][outputs] by
  // d loss / d z.
  virtual double Differentiate(absl::Span<const float> labels, absl::Span<float> z) = 0;

  // Replaces the z [examples][outputs] by their scores.
  virtual void ToScores(absl::Span<float> z) = 0;

 private:
  const LinearLayer layer_;
  std::vector<float> z_;  // scratch, [rows][outputs]
};

}  // namespace paramd
