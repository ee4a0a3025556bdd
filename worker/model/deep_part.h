#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "paramd/v1/config.pb.h"
#include "paramd/v1/coordinator.pb.h"
#include "worker/data/batch.h"
#include "worker/model/dense_layer.h"
#include "worker/model/mlp_layers.h"

namespace paramd {

// A multi-layer perceptron with one output on the embeddings of features with fields: each feature
// has a vector of length k = model.dim, P [rows][fields][k] is their sum for each field
// (worker/model/field_pooling.h), and
//   Z_0 = P W_0 + 1 b_0,   then worker/model/mlp_layers.h.
// Parameters and gradients, in this order: sparse table `embeddings` [keys][k], which begins
// uniform between -model.init_scale and model.init_scale; `layer0.weights` [fields * k][hidden[0]],
// `layer0.bias`, `layer1.weights`, ... Hidden layers: model.hidden, by default 64 and 32 units.
// AdaGrad by default. Keeps its memory. Not thread-safe.
class DeepPart {
 public:
  // INVALID_ARGUMENT: data without fields, or errors of HiddenLayers. `model`: the type's name, for
  // messages.
  static absl::StatusOr<std::unique_ptr<DeepPart>> Make(const v1::Model& config,
                                                        const DatasetShape& shape,
                                                        const char* model);

  std::vector<v1::TableSpec> Tables() const;
  size_t dim() const { return dim_; }
  size_t fields() const { return fields_; }

  // Fill z [rows]: for prediction, and for a step of training, with dropout.
  void Forward(const Batch& batch, absl::Span<const absl::Span<const float>> parameters,
               std::vector<float>* z);
  void ForwardTraining(const Batch& batch, absl::Span<const absl::Span<const float>> parameters,
                       std::vector<float>* z);

  // P of the last forward pass.
  absl::Span<const float> pooled() const { return pooled_; }

  // After ForwardTraining, for d [rows], the derivative of anything by z: fills the gradients of
  // the layers and returns the derivative by P, [rows][fields][k], to which the caller may add
  // before BackwardEmbeddings.
  absl::Span<float> BackwardLayers(absl::Span<const float> d,
                                   absl::Span<const absl::Span<const float>> parameters,
                                   absl::Span<const absl::Span<float>> gradients);

  // Fills the gradients of the embeddings.
  void BackwardEmbeddings(const Batch& batch, absl::Span<float> gradient) const;

 private:
  DeepPart(const v1::Model& config, const DatasetShape& shape, MlpLayers::Options options);

  void Pool(const Batch& batch, absl::Span<const absl::Span<const float>> parameters);

  const size_t fields_;
  const size_t dim_;
  const double init_scale_;
  const v1::Model::Activation activation_;
  const DenseLayer first_;
  MlpLayers rest_;
  std::vector<float> pooled_, d_pooled_;
};

}  // namespace paramd
