#pragma once

#include <memory>

#include "server/optimizer/optimizer.h"

namespace paramd {

// Gradient descent with momentum, L2 and L1 regularisation; v is the velocity, state slot 0:
//   v <- momentum v - rate (g + l2 w)
//   w <- w + v
//   w <- sign(w) max(|w| - rate l1, 0)
// Sutskever, Martens, Dahl and Hinton, "On the importance of initialization and momentum in deep
// learning", ICML 2013, equations 1 and 2 (Polyak 1964); the last line is FOBOS (rule-inl.h).
// Lazy: a parameter that no gradient touches keeps its velocity and its place, where the dense rule
// would go on moving it by momentum v, momentum^2 v, ... Everything saturates at the largest float.
struct Momentum {
  float momentum = 0;
  float l2 = 0;
};

// In code for this CPU.
std::unique_ptr<const Optimizer> MakeMomentum(const Momentum& settings, const StepSettings& step);

}  // namespace paramd
