#pragma once

#include <memory>

#include "server/optimizer/optimizer.h"

namespace paramd {

// Delay-compensated gradient descent (MakeDcSgd: DC-ASGD-c, MakeAdaptiveDcSgd: DC-ASGD-a), with L2
// and L1 regularisation; b are the parameters that the gradient was computed from, s is the mean of
// squares, state slot 0 of DC-ASGD-a:
//   s <- mean_decay s + (1 - mean_decay) g^2
//   c <- lambda                                                DC-ASGD-c
//        lambda / sqrt(s + 1e-7)                               DC-ASGD-a
//   w <- w - rate (g + c g^2 (w - b) + l2 w)
//   w <- sign(w) max(|w| - rate l1, 0)
// Zheng et al., "Asynchronous stochastic gradient descent with delay compensation", ICML 2017,
// equation 10; for DC-ASGD-a, equation 14. The last line is FOBOS (rule-inl.h). Lazy: s is a mean
// over the steps that touched the parameter. Everything saturates at the largest float.
struct DcSgd {
  float lambda = 0;
  float mean_decay = 0;
  float one_minus_mean_decay = 1;  // rounded by itself
  float l2 = 0;
};

// In code for this CPU.
std::unique_ptr<const Optimizer> MakeDcSgd(const DcSgd& settings, const StepSettings& step);
std::unique_ptr<const Optimizer> MakeAdaptiveDcSgd(const DcSgd& settings, const StepSettings& step);

}  // namespace paramd
