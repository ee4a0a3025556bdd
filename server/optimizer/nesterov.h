#pragma once

#include <memory>

#include "server/optimizer/optimizer.h"

namespace paramd {

// Nesterov's accelerated gradient, with L2 and L1 regularisation; v is the velocity, state slot 0:
//   h <- g + l2 w
//   v <- momentum v - rate h
//   w <- w + momentum v - rate h
//   w <- sign(w) max(|w| - rate l1, 0)
// Sutskever, Martens, Dahl and Hinton, "On the importance of initialization and momentum in deep
// learning", ICML 2013, equations 3 and 4, with w the place that the gradient is taken at,
// theta + momentum v, as in Bengio, Boulanger-Lewandowski and Pascanu, "Advances in optimizing
// recurrent networks", ICASSP 2013, section 3.5; the last line is FOBOS (rule-inl.h).
// Lazy: a parameter that no gradient touches keeps its velocity and its place, where the dense rule
// would go on moving it by momentum v. Everything saturates at the largest float.
struct Nesterov {
  float momentum = 0;
  float l2 = 0;
};

// In code for this CPU.
std::unique_ptr<const Optimizer> MakeNesterov(const Nesterov& settings, const StepSettings& step);

}  // namespace paramd
