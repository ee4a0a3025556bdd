#include "server/optimizer/sgd.h"

namespace paramd {

void Sgd::Apply(const float* __restrict gradient, uint64_t examples, int64_t n,
                float* __restrict parameters, float* /*state*/, int64_t /*stride*/) const {
  for (int64_t i = 0; i < n; ++i) {
    parameters[i] -= learning_rate * (gradient[i] + l2 * parameters[i]);
  }
}

}  // namespace paramd
