#pragma once

#include <memory>

#include "server/optimizer/optimizer.h"

namespace paramd {

// Stochastic gradient descent with L2 and L1 regularisation:
//   w <- w - rate (g + l2 w)
//   w <- sign(w) max(|w| - rate l1, 0)
// Robbins and Monro, "A stochastic approximation method", Annals of Mathematical Statistics 22
// (1951); the second line is FOBOS (rule-inl.h). Keeps no state. w saturates at the largest float.
struct Sgd {
  float l2 = 0;
};

// In code for this CPU.
std::unique_ptr<const Optimizer> MakeSgd(const Sgd& settings, const StepSettings& step);

}  // namespace paramd
