#pragma once

#include <memory>

#include "server/optimizer/optimizer.h"

namespace paramd {

// AdaGrad with a diagonal matrix, L2 and L1 regularisation; s is the sum of squares, state slot 0:
//   h <- g + l2 w
//   s <- s + h^2
//   w <- w - rate h / (sqrt(s) + epsilon)
//   w <- sign(w) max(|w| - rate l1, 0)
// Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and stochastic
// optimization", JMLR 12 (2011), figure 1 with psi_t from H_t = delta I + diag(s_t), delta =
// epsilon, no further regulariser; the last line is FOBOS (rule-inl.h). Where the denominator is
// zero, the third line leaves w. Everything saturates at the largest float.
struct Adagrad {
  float epsilon = 0;
  float l2 = 0;
};

// In code for this CPU.
std::unique_ptr<const Optimizer> MakeAdagrad(const Adagrad& settings, const StepSettings& step);

}  // namespace paramd
