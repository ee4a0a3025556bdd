#pragma once

#include <vector>

#include "absl/types/span.h"
#include "paramd/v1/coordinator.pb.h"
#include "worker/data/batch.h"

namespace paramd {

// Z = X W + 1 b: the linear map from features X [rows][features] to Z [rows][outputs] that linear
// models share, and its derivative. W is the table `weights` [features][outputs], sparse or dense
// as the data are; b is the dense table `bias` [1][outputs]. Dense X goes through OpenBLAS, sparse
// X through worker/model/sparse_product.h. Immutable, hence thread-safe.
class LinearLayer {
 public:
  // Without a bias there is one table only, and b = 0.
  LinearLayer(const DatasetShape& shape, int outputs, bool has_bias)
      : shape_(shape), outputs_(outputs), has_bias_(has_bias) {}

  int outputs() const { return outputs_; }
  std::vector<v1::TableSpec> Tables() const;

  // z [rows][outputs], resized. `parameters`: of W, as worker/model/model.h lays them out, and of
  // b.
  void Forward(const Batch& batch, absl::Span<const absl::Span<const float>> parameters,
               std::vector<float>* z) const;

  // dW = X^T D and db = column sums of D, for D [rows][outputs], the derivative of anything by Z.
  // Fills gradients[0] (and gradients[1]).
  void Backward(const Batch& batch, absl::Span<const float> d,
                absl::Span<const absl::Span<float>> gradients) const;

 private:
  const DatasetShape shape_;
  const int outputs_;
  const bool has_bias_;
};

}  // namespace paramd
