#pragma once

#include <memory>

#include "server/optimizer/optimizer.h"

namespace paramd {

// RMSProp with L2 and L1 regularisation; s is the mean of squares, state slot 0:
//   h <- g + l2 w
//   s <- rho s + (1 - rho) h^2
//   w <- w - rate h / (sqrt(s) + epsilon)
//   w <- sign(w) max(|w| - rate l1, 0)
// Tieleman and Hinton, "Lecture 6.5 - rmsprop", COURSERA: Neural Networks for Machine Learning
// (2012); the last line is FOBOS (rule-inl.h). Where the denominator is zero, the third line leaves
// w. Lazy: s is a mean over the steps that touched the parameter, where in the dense rule it falls
// by rho with every step. Everything saturates at the largest float.
struct Rmsprop {
  float rho = 0;
  float one_minus_rho = 1;  // rounded by itself
  float epsilon = 0;
  float l2 = 0;
};

// In code for this CPU.
std::unique_ptr<const Optimizer> MakeRmsprop(const Rmsprop& settings, const StepSettings& step);

}  // namespace paramd
