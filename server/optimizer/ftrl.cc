#include "server/optimizer/ftrl.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace paramd {

void Ftrl::Apply(const float* __restrict gradient, uint64_t examples, int64_t n,
                 float* __restrict parameters, float* state, int64_t stride) const {
  const auto scale = static_cast<float>(examples);
  float* __restrict z = state;
  float* __restrict squares = state + stride;
  for (int64_t i = 0; i < n; ++i) {
    const float g = scale * gradient[i];
    const float sum = std::min(squares[i] + g * g, std::numeric_limits<float>::max());
    const float root = std::sqrt(sum);
    const float sigma = (root - std::sqrt(squares[i])) / alpha;
    z[i] += g - sigma * parameters[i];
    squares[i] = sum;
    const float denominator = (beta + root) / alpha + l2;
    const float shrunk = z[i] - std::copysign(l1, z[i]);
    parameters[i] = std::fabs(z[i]) > l1 && denominator > 0 ? -shrunk / denominator : 0.0f;
  }
}

}  // namespace paramd
