#pragma once

#include <cstdint>
#include <limits>

#include "paramd/v1/config.pb.h"

namespace paramd {

// What is known of a gradient besides its values.
struct GradientInfo {
  uint64_t examples = 1;  // that it is the mean over; at least 1
  uint64_t clock = 0;     // steps that whoever computed it had finished; bsp: of the step
  uint64_t delay = 0;     // its staleness, in steps of a worker
};

// What all elements of one operation have in common.
struct Step {
  float examples = 1;
  float rate =
      0;  // learning rate of this step; ftrl: what the rate of a coordinate is multiplied by
  float shrink = 0;                                // rate * l1
  float clip = std::numeric_limits<float>::max();  // largest absolute value of a gradient's element
  // 1 / (1 - beta1^t) and 1 / (1 - beta2^t) with t = clock + 1: what makes up for moments that
  // begin at zero (adam, adamw).
  float first_correction = 1;
  float second_correction = 1;
};

struct StepSettings {
  double learning_rate = 1;
  double l1 = 0;
  double clip = std::numeric_limits<float>::max();
  double beta1 = 0;
  double beta2 = 0;
  v1::Schedule schedule;
  v1::DelayCompensation::Type delay = v1::DelayCompensation::NONE;
};

// With f the factor of the schedule, t = clock + 1 and tau = delay, the rate is
//   learning_rate f                       in general
//   learning_rate f / max(tau, 1)         scaled_rate: Zhang, Gupta, Lian and Liu, "Staleness-aware
//                                         async-SGD for distributed deep learning", IJCAI 2016,
//                                         equation 3
//   learning_rate f / sqrt(t + tau)       ada_delay: Sra, Yu, Li and Smola, "AdaDelay: delay
//   adaptive
//                                         distributed stochastic optimization", AISTATS 2016,
//                                         section 2, where it is 1 / (L + c sqrt(t + tau)); here L
//                                         = 0 and c = 1 / (learning_rate f)
// Computed in double precision.
Step MakeStep(const StepSettings& settings, const GradientInfo& info);

}  // namespace paramd
