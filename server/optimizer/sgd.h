#pragma once

#include <memory>

#include "server/optimizer/optimizer.h"

namespace paramd {

// Stochastic gradient descent with L2 regularisation:
//   w <- w - learning_rate (g + l2 w)
// Robbins and Monro, "A stochastic approximation method", Annals of Mathematical Statistics 22
// (1951). Keeps no state.
struct Sgd {
  float learning_rate = 0;
  float l2 = 0;
};

// In code for this CPU.
std::unique_ptr<const Optimizer> MakeSgd(const Sgd& settings);

}  // namespace paramd
