#pragma once

#include <cstddef>
#include <vector>

#include "absl/types/span.h"
#include "common/math/blas.h"

namespace paramd {

// Z = X W + 1 b for X [rows][inputs], W [inputs][outputs], b [1][outputs] and Z [rows][outputs],
// all dense, by OpenBLAS; and its derivatives. Parameters and gradients are of W and b, in this
// order, as worker/model/model.h lays them out. Immutable, hence thread-safe.
class DenseLayer {
 public:
  DenseLayer(size_t inputs, size_t outputs) : inputs_(inputs), outputs_(outputs) {}

  size_t inputs() const { return inputs_; }
  size_t outputs() const { return outputs_; }

  // z is resized.
  void Forward(absl::Span<const float> x, absl::Span<const absl::Span<const float>> parameters,
               std::vector<float>* z) const;

  // dW = X^T D and db = column sums of D, for D [rows][outputs], the derivative of anything by Z.
  void Backward(absl::Span<const float> x, absl::Span<const float> d,
                absl::Span<const absl::Span<float>> gradients) const;

  // dX = D W^T [rows][inputs], resized.
  void BackwardInputs(absl::Span<const float> d, absl::Span<const float> weights,
                      std::vector<float>* dx) const;

 private:
  ConstMatrix Inputs(absl::Span<const float> x) const {
    return {x.data(), x.size() / inputs_, inputs_};
  }
  ConstMatrix Outputs(absl::Span<const float> z) const {
    return {z.data(), z.size() / outputs_, outputs_};
  }

  const size_t inputs_;
  const size_t outputs_;
};

}  // namespace paramd
