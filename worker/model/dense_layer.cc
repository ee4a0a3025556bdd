#include "worker/model/dense_layer.h"

#include <algorithm>
#include <cassert>

namespace paramd {

void DenseLayer::Forward(absl::Span<const float> x,
                         absl::Span<const absl::Span<const float>> parameters,
                         std::vector<float>* z) const {
  assert(parameters[0].size() == inputs_ * outputs_ && parameters[1].size() == outputs_);
  const size_t rows = x.size() / inputs_;
  z->resize(rows * outputs_);
  for (size_t row = 0; row < rows; ++row) {
    std::copy(parameters[1].begin(), parameters[1].end(), z->data() + row * outputs_);
  }
  MatMul(1, Inputs(x), {parameters[0].data(), inputs_, outputs_}, 1, {z->data(), rows, outputs_});
}

void DenseLayer::Backward(absl::Span<const float> x, absl::Span<const float> d,
                          absl::Span<const absl::Span<float>> gradients) const {
  assert(gradients[0].size() == inputs_ * outputs_ && gradients[1].size() == outputs_);
  MatMulTransposedA(1, Inputs(x), Outputs(d), 0, {gradients[0].data(), inputs_, outputs_});
  std::fill(gradients[1].begin(), gradients[1].end(), 0.0f);
  for (size_t i = 0; i < d.size(); i += outputs_) {
    for (size_t j = 0; j < outputs_; ++j) gradients[1][j] += d[i + j];
  }
}

void DenseLayer::BackwardInputs(absl::Span<const float> d, absl::Span<const float> weights,
                                std::vector<float>* dx) const {
  const ConstMatrix derivative = Outputs(d);
  dx->resize(derivative.rows * inputs_);
  MatMulTransposedB(1, derivative, {weights.data(), inputs_, outputs_}, 0,
                    {dx->data(), derivative.rows, inputs_});
}

}  // namespace paramd
