#pragma once

#include <cstdint>

namespace paramd {

// Stochastic gradient descent with L2 regularisation:
//   w <- w - learning_rate (g + l2 w)
// Robbins and Monro, "A stochastic approximation method", Annals of Mathematical Statistics 22
// (1951). Keeps no state.
struct Sgd {
  static constexpr int kStateSlots = 0;

  float learning_rate = 0;
  float l2 = 0;

  // As Optimizer::Apply.
  void Apply(const float* gradient, uint64_t examples, int64_t n, float* parameters, float* state,
             int64_t stride) const;
};

}  // namespace paramd
