#pragma once

#include <memory>

#include "server/optimizer/optimizer.h"

namespace paramd {

// AdaDelta with L2 and L1 regularisation; s is the mean of squared gradients, state slot 0, u the
// mean of squared changes, state slot 1:
//   h <- g + l2 w
//   s <- rho s + (1 - rho) h^2
//   x <- sqrt(u + epsilon) / sqrt(s + epsilon) h
//   u <- rho u + (1 - rho) x^2
//   w <- w - rate x
//   w <- sign(w) max(|w| - rate l1, 0)
// Zeiler, "ADADELTA: an adaptive learning rate method", arXiv:1212.5701 (2012), algorithm 1, where
// the rate is 1 and x has the other sign; the last line is FOBOS (rule-inl.h). Where s + epsilon is
// zero, x is. Lazy: s and u are means over the steps that touched the parameter, where in the dense
// rule they fall by rho with every step. Everything saturates at the largest float.
struct Adadelta {
  float rho = 0;
  float one_minus_rho = 1;  // rounded by itself
  float epsilon = 0;
  float l2 = 0;
};

// In code for this CPU.
std::unique_ptr<const Optimizer> MakeAdadelta(const Adadelta& settings, const StepSettings& step);

}  // namespace paramd
