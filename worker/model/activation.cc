#include "worker/model/activation.h"

#include <algorithm>
#include <cassert>
#include <cstddef>

#include "worker/model/exponentials.h"

namespace paramd {
namespace {

void Relu(absl::Span<float> z) {
  // In this order NaN stays NaN.
  for (float& x : z) x = x < 0 ? 0 : x;
}

// 2 sigmoid(2 z) - 1; absolute error below 2^-23.
void Tanh(absl::Span<float> z) {
  for (float& x : z) x *= 2;
  Sigmoids(z);
  for (float& x : z) x = 2 * x - 1;
}

}  // namespace

void Activate(v1::Model::Activation activation, absl::Span<float> z) {
  switch (activation) {
    case v1::Model::TANH:
      return Tanh(z);
    case v1::Model::SIGMOID:
      return Sigmoids(z);
    default:
      return Relu(z);
  }
}

void MultiplyByDerivative(v1::Model::Activation activation, absl::Span<const float> a,
                          absl::Span<float> d) {
  assert(a.size() == d.size());
  const size_t n = d.size();
  switch (activation) {
    case v1::Model::TANH:
      for (size_t i = 0; i < n; ++i) d[i] *= 1 - a[i] * a[i];
      return;
    case v1::Model::SIGMOID:
      for (size_t i = 0; i < n; ++i) d[i] *= a[i] * (1 - a[i]);
      return;
    default:
      for (size_t i = 0; i < n; ++i) d[i] = a[i] > 0 ? d[i] : 0;
  }
}

}  // namespace paramd
