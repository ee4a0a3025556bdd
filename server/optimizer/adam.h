#pragma once

#include <memory>

#include "server/optimizer/optimizer.h"

namespace paramd {

// Adam and AdamW, with L2 and L1 regularisation; m is the mean of gradients, state slot 0, v the
// mean of squares, state slot 1, t = clock + 1:
//   h <- g + l2 w
//   m <- beta1 m + (1 - beta1) h
//   v <- beta2 v + (1 - beta2) h^2
//   x <- m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon)
//   w <- w - rate (x + weight_decay w)
//   w <- sign(w) max(|w| - rate l1, 0)
// Adam (weight_decay = 0): Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015,
// algorithm 1. AdamW: Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019,
// algorithm 2, with weight_decay times the whole rate. The last line is FOBOS (rule-inl.h). Where
// the denominator is zero, x is.
// Lazy, with t counted for the whole table as in TensorFlow's LazyAdam and PyTorch's SparseAdam: m
// and v change only where a gradient touches, where the dense rule lets them fall with every step
// and goes on moving w by the rest of m; and w decays only then. A parameter that is touched for
// the first time when t is large moves by up to (1 - beta1) / sqrt(1 - beta2) times the rate (3.2
// by default). Everything saturates at the largest float.
struct Adam {
  float beta1 = 0;
  float one_minus_beta1 = 1;  // rounded by itself
  float beta2 = 0;
  float one_minus_beta2 = 1;
  float epsilon = 0;
  float l2 = 0;
  float weight_decay = 0;
};

// In code for this CPU.
std::unique_ptr<const Optimizer> MakeAdam(const Adam& settings, const StepSettings& step);

}  // namespace paramd
