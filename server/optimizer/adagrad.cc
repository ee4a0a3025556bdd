#include "server/optimizer/adagrad.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace paramd {

void Adagrad::Apply(const float* __restrict gradient, uint64_t examples, int64_t n,
                    float* __restrict parameters, float* __restrict state,
                    int64_t /*stride*/) const {
  for (int64_t i = 0; i < n; ++i) {
    const float h = gradient[i] + l2 * parameters[i];
    state[i] = std::min(state[i] + h * h, std::numeric_limits<float>::max());
    const float denominator = std::sqrt(state[i]) + epsilon;
    parameters[i] -= denominator > 0 ? learning_rate * h / denominator : 0.0f;
  }
}

}  // namespace paramd
