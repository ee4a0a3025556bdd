#pragma once

#include <memory>

#include "server/optimizer/optimizer.h"

namespace paramd {

// FTRL-proximal for each coordinate; z is state slot 0, the sum of squares s is state slot 1. It
// minimises the sum of the losses of all examples plus l1 |w| + l2/2 w^2, so g is the sum of the
// gradients of a step's examples, not their mean:
//   sigma <- (sqrt(s + g^2) - sqrt(s)) / alpha
//   z <- z + r g - sigma w
//   s <- s + g^2
//   w <- 0                                                          if |z| <= l1
//        -(z - sign(z) l1) / ((beta + sqrt(s)) / alpha + l2)        otherwise
// McMahan et al., "Ad click prediction: a view from the trenches", KDD 2013, algorithm 1 (where s
// is called n). The paper computes w when it is needed; here it is kept, brought up to date after
// each update; a parameter that begins at w has the z that gives it. r is 1 in the paper; here it
// is the step's rate, what schedule and delay leave of 1. Without l1 and l2 the rule is w <- w - r
// alpha / (beta + sqrt(s)) g, so r multiplies the learning rate of the coordinate. Where the
// denominator is zero, w is 0. Everything saturates at the largest float.
struct Ftrl {
  float alpha = 1;
  float beta = 0;
  float l1 = 0;
  float l2 = 0;
};

// In code for this CPU.
std::unique_ptr<const Optimizer> MakeFtrl(const Ftrl& settings, const StepSettings& step);

}  // namespace paramd
