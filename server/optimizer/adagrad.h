#pragma once

#include <memory>

#include "server/optimizer/optimizer.h"

namespace paramd {

// AdaGrad with a diagonal matrix and L2 regularisation; s is the sum of squares, state slot 0:
//   h <- g + l2 w
//   s <- s + h^2
//   w <- w - learning_rate h / (sqrt(s) + epsilon)
// Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and stochastic
// optimization", JMLR 12 (2011), figure 1 with psi_t from H_t = delta I + diag(s_t), delta =
// epsilon, no further regulariser. Where the denominator is zero, w stays. s saturates at the
// largest float.
struct Adagrad {
  float learning_rate = 0;
  float epsilon = 0;
  float l2 = 0;
};

// In code for this CPU.
std::unique_ptr<const Optimizer> MakeAdagrad(const Adagrad& settings);

}  // namespace paramd
